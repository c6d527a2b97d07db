import { JitsuError, type JitsuErrorCode } from '@jitsud/core/plugin';
import type { CallFailed } from './call-failed.js';
import { isDenied } from './connection-advice.js';
import { LibvirtErrorNumber } from './error-name.js';

const ADVICE: Readonly<Record<number, string>> = {
  [LibvirtErrorNumber.VIR_ERR_NO_SUPPORT]: "This hypervisor's driver in libvirt cannot do that.",
  [LibvirtErrorNumber.VIR_ERR_OPERATION_UNSUPPORTED]: 'This domain, or its hypervisor, cannot do that.',
  [LibvirtErrorNumber.VIR_ERR_NO_NETWORK]: 'Define and start the network that its XML names (virsh net-start).',
  [LibvirtErrorNumber.VIR_ERR_NO_STORAGE_VOL]: 'Check the disks in its XML.',
  [LibvirtErrorNumber.VIR_ERR_OPERATION_TIMEOUT]: 'Another operation on it takes long (virsh domjobinfo tells).',
};

/** The error for libvirt's refusal of an operation on one domain: `doing` completes the sentence "NAME cannot be …". */
export function domainRefusal(uri: string, name: string, doing: string, failed: CallFailed): JitsuError {
  const refused = (code: JitsuErrorCode, advice: string): JitsuError =>
    new JitsuError(code, `${name} cannot be ${doing}: libvirt at ${uri} said ${failed.words}. ${advice}`, {
      cause: failed,
    });
  if (failed.number === LibvirtErrorNumber.VIR_ERR_NO_DOMAIN) {
    return refused(
      'JITSU_UNIKERNEL_UNKNOWN',
      "Its domain is gone: define it again (virsh define), or give Jitsu its definition by the option 'xml'.",
    );
  }
  if (isDenied(failed)) {
    return refused('JITSU_BACKEND_DENIED', 'Give Jitsu a connection that may read and write, as a user who may.');
  }
  const advice = ADVICE[failed.number ?? 0] ?? "libvirt's log, and that of the domain, may say more.";
  return refused('JITSU_BACKEND_FAILED', advice);
}
