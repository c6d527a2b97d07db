import assert from 'node:assert/strict';
import { CallFailed } from '#libvirt/call-failed.js';
import { connectionAdvice, isDenied } from '#libvirt/connection-advice.js';
import { LibvirtErrorNumber } from '#libvirt/error-name.js';

function refused(code: number, message = 'no'): CallFailed {
  return new CallFailed({ kind: 'refused', code, domain: 0, message, connectionIsAlive: true });
}

const NO_SOCKET = refused(LibvirtErrorNumber.VIR_ERR_SYSTEM_ERROR, "Failed to connect socket to '/x': No such file");

describe('what to check when libvirt cannot be used', () => {
  for (const { uri, advice } of [
    { uri: 'qemu:///system', advice: /libvirtd .*QEMU driver.*libvirt-daemon-system/ },
    { uri: 'qemu+unix:///system?socket=/x', advice: /QEMU driver/ },
    { uri: 'xen:///', advice: /dom0 .*control_d.*libvirt-daemon-driver-xen.* -c/ },
    { uri: 'vbox:///session', advice: /VirtualBox installed.*libvirt-daemon-driver-vbox/ },
    { uri: 'lxc:///', advice: /LXC driver/ },
    { uri: 'esx://host/', advice: /^Does `virsh -c esx:\/\/host\/ list` work\?$/ },
    { uri: 'constructor:///x', advice: /^Does `virsh -c constructor:\/\/\/x list` work\?$/ },
    { uri: 'no uri', advice: /^Does `virsh -c no uri list` work\?$/ },
    {
      uri: 'qemu+ssh://host/system',
      advice: /virsh -c qemu\+ssh:\/\/host\/system list.*without asking for a password/,
    },
    { uri: 'xen+libssh2://host/', advice: /without asking for a password/ },
  ]) {
    it(`depends on the URI: ${uri}`, () => {
      assert.match(connectionAdvice(uri, NO_SOCKET), advice);
    });
  }

  it('is who runs Jitsu, where libvirt was there and did not let us', () => {
    for (const name of [
      'VIR_ERR_AUTH_FAILED',
      'VIR_ERR_AUTH_CANCELLED',
      'VIR_ERR_AUTH_UNAVAILABLE',
      'VIR_ERR_OPERATION_DENIED',
      'VIR_ERR_ACCESS_DENIED',
    ] as const) {
      const denied = refused(LibvirtErrorNumber[name]);
      assert.ok(isDenied(denied), name);
      assert.match(connectionAdvice('qemu:///system', denied), /member of the group libvirt/, name);
    }
  });

  it('is who runs Jitsu, where the socket may not be opened', () => {
    const failed = refused(
      LibvirtErrorNumber.VIR_ERR_SYSTEM_ERROR,
      "Failed to connect socket to '/x': Permission denied",
    );
    assert.ok(!isDenied(failed));
    assert.match(connectionAdvice('qemu:///system', failed), /member of the group libvirt/);
  });

  it('is SSH, where that says who may not', () => {
    const failed = refused(LibvirtErrorNumber.VIR_ERR_SYSTEM_ERROR, 'Permission denied (publickey)');
    assert.match(connectionAdvice('qemu+ssh://host/system', failed), /without asking for a password/);
  });

  it("is the installation of libvirt's library, or of ours, before any URI", () => {
    const missing = new CallFailed({ kind: 'library-missing', message: 'libvirt.so.0: cannot open' });
    assert.match(connectionAdvice('xen:///', missing), /libvirt0 .*libvirt-libs .*brew install libvirt/);
    const defect = new CallFailed({ kind: 'defect', message: 'Cannot find native module' });
    assert.match(connectionAdvice('xen:///', defect), /koffi/);
  });
});
