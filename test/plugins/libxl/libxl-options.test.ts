import assert from 'node:assert/strict';
import { domainConfig } from '#libxl/domain-config.js';
import { connectionOptions, libxlOptions } from '#libxl/libxl-options.js';

const LEAST = { name: 'www', kernel: 'mirage-www.xen', memory: '64000' };
const ID = '6695eb01-f6a4-8304-79aa-97f2502e193f';

const problems = (options: object): string[] =>
  libxlOptions
    .safeParse({ ...LEAST, ...options })
    .error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [];

describe('the options of libxl', () => {
  for (const [given, kibibytes] of [
    ['64000', 64_000],
    [64_000, 64_000],
    ['64MiB', 65_536],
    ['64 M', 65_536],
    ['64mb', 65_536],
    ['1GiB', 1_048_576],
    ['1.5g', 1_572_864],
    ['2048k', 2_048],
  ] as const) {
    it(`take ${typeof given} ${given} for ${kibibytes} KiB of memory`, () => {
      assert.equal(libxlOptions.parse({ ...LEAST, memory: given }).memory, kibibytes);
    });
  }

  for (const memory of ['lots', '', '64 bytes', '-1', '1.0001k', 'NaN', NaN, Infinity, null, true]) {
    it(`refuse ${JSON.stringify(memory)} as memory`, () => {
      assert.deepEqual(problems({ memory }), ['memory: A size such as 64000 (KiB) or 64MiB expected.']);
    });
  }

  it('refuse memory that holds no guest', () => {
    assert.deepEqual(problems({ memory: '512' }), [
      'memory: A size such as 64000 (KiB) or 64MiB expected. 1MiB is the least.',
    ]);
  });

  it('take disks as path@device, of which the path may have an @ itself', () => {
    const { disk } = libxlOptions.parse({ ...LEAST, disk: ['images/data.iso@xvda', 'a@b@hda1', '/dev/vg/x@sdb'] });
    assert.deepEqual(disk, [
      { path: 'images/data.iso', device: 'xvda' },
      { path: 'a@b', device: 'hda1' },
      { path: '/dev/vg/x', device: 'sdb' },
    ]);
  });

  it('take one or many of what may be repeated', () => {
    const { nic, script, disk } = libxlOptions.parse({ ...LEAST, nic: 'br0', script: ['a', 'b'] });
    assert.deepEqual({ nic, script, disk }, { nic: ['br0'], script: ['a', 'b'], disk: [] });
  });

  it('refuse everything that is wrong in one go', () => {
    const wrong = { name: '7', kernel: '', memory: 'x', type: 'hvm', vcpus: '0', uuid: 'u', disk: 'd', nic: [''] };
    const keys = problems(wrong).map((problem) => problem.split(/[.:]/)[0]);
    assert.deepEqual(new Set(keys), new Set(Object.keys(wrong)));
  });

  it('take xen:/// as the connection, and nothing else', () => {
    assert.deepEqual(connectionOptions.parse({ connect: 'xen:///' }), { connect: 'xen:///' });
    assert.equal(connectionOptions.safeParse({ connect: 'qemu:///system' }).success, false);
  });
});

describe("a guest's configuration for libxl", () => {
  const config = (options: object) => domainConfig(ID, libxlOptions.parse({ ...LEAST, ...options }));

  it('has what the options say, with whole paths', () => {
    const { c_info, b_info } = config({ kernel: '/k', ramdisk: '/r', cmdline: 'a=b', vcpus: '2', type: 'pvh' });
    assert.deepEqual(c_info, { type: 'pvh', name: 'www', uuid: ID, run_hotplug_scripts: 'True' });
    assert.deepEqual(b_info, {
      ...{ max_vcpus: 2, avail_vcpus: [0, 1], max_memkb: 64_000, target_memkb: 64_000 },
      ...{ kernel: '/k', ramdisk: '/r', cmdline: 'a=b', 'type.pvh': {} },
    });
    assert.ok(config({}).b_info.kernel.startsWith('/'), 'a relative path counts from here');
  });

  it('gives the n-th interface the script n mod the number of scripts', () => {
    const { nics } = config({ nic: ['br0', 'br1', 'br2'], script: ['one', 'two'] });
    assert.deepEqual(
      nics.map(({ devid, bridge, script }) => [devid, bridge, script]),
      [
        [0, 'br0', 'one'],
        [1, 'br1', 'two'],
        [2, 'br2', 'one'],
      ],
    );
  });

  it("leaves the script to libxl where none is given, and gives each interface an address of its own in Xen's range", () => {
    const { nics } = config({ nic: ['br0', 'br1'] });
    assert.ok(nics.every((nic) => !('script' in nic)));
    for (const { mac } of nics) assert.match(mac, /^00:16:3e(:[0-9a-f]{2}){3}$/);
    assert.notEqual(nics[0]?.mac, nics[1]?.mac);
    assert.deepEqual(config({ nic: ['br0', 'br1'] }).nics, nics, 'and the same ones each time');
  });
});
