import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ControlGroups } from '#core/plugin-kit/control-groups.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

const ROOT = '29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate';
const HYBRID = [
  '33 32 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
  '34 32 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw',
].join('\n');

/** What the kernel would show, in a folder. */
class System implements Disposable {
  readonly #folder = new TemporaryFolder();
  readonly groups = new ControlGroups(this.#folder.path);

  constructor(mounts: string, own: string) {
    this.write('proc/self/mountinfo', `22 1 0:21 / /proc rw - proc proc rw\n${mounts}\n`);
    this.write('proc/self/cgroup', `1:name=systemd:/x\n0::${own}\n`);
  }

  write(path: string, content: string): void {
    mkdirSync(dirname(this.in(path)), { recursive: true });
    writeFileSync(this.in(path), content);
  }

  /** A group, with the controllers that it may share out. */
  group(path: string, controllers: string): this {
    this.write(join(path, 'cgroup.controllers'), `${controllers}\n`);
    for (const file of ['cgroup.procs', 'cgroup.subtree_control']) this.write(join(path, file), '');
    return this;
  }

  in(path: string): string {
    return this.#folder.in(path);
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}

describe('the control groups of a system', () => {
  it('are those below the group that Jitsu was started in, which is handed back', async () => {
    using system = new System(ROOT, '/system.slice/jitsu.service');
    system.group('sys/fs/cgroup', 'cpu memory pids').group('sys/fs/cgroup/system.slice/jitsu.service', 'memory pids');
    assert.equal(system.groups.lackOf(['memory', 'cpu', 'pids']), undefined);
    assert.deepEqual(await system.groups.find(['memory', 'pids']), {
      folder: system.in('sys/fs/cgroup/system.slice/jitsu.service'),
      handBack: true,
    });
  });

  it('are beside the group supervisor, where Jitsu was started in that', async () => {
    using system = new System(ROOT, '/system.slice/jitsu.service/supervisor');
    system.group('sys/fs/cgroup', 'cpu memory pids').group('sys/fs/cgroup/system.slice/jitsu.service', 'memory pids');
    const folder = system.in('sys/fs/cgroup/system.slice/jitsu.service');
    assert.deepEqual(await system.groups.find(['memory']), { folder, handBack: false });
  });

  it('are found where only a part of them is mounted', async () => {
    using system = new System(ROOT.replace(' / /sys', ' /docker/x /sys'), '/docker/x/jitsu');
    system.group('sys/fs/cgroup', 'memory').group('sys/fs/cgroup/jitsu', 'memory');
    assert.equal((await system.groups.find(['memory'])).folder, system.in('sys/fs/cgroup/jitsu'));
  });

  it('lack what version 1 has taken, or a system without them', () => {
    using hybrid = new System(HYBRID, '/');
    hybrid.group('sys/fs/cgroup/unified', 'hugetlb');
    assert.match(
      hybrid.groups.lackOf(['memory', 'pids']) ?? '',
      /^This system does not limit memory, processes\..*systemd\.unified_cgroup_hierarchy=1/,
    );
    using none = new System('', '/');
    assert.match(none.groups.lackOf(['cpu']) ?? '', /^This system does not limit cpu\./);
  });

  it('are refused with what helps: no controller, no permission, not to be seen', async () => {
    using system = new System(ROOT, '/user.slice');
    system.group('sys/fs/cgroup', 'cpu memory pids').group('sys/fs/cgroup/user.slice', 'memory');
    await assert.rejects(system.groups.find(['cpu', 'memory']), /may not limit cpu\. Start Jitsu as .*Delegate=yes/);

    using missing = new System(ROOT, '/gone');
    missing.group('sys/fs/cgroup', 'memory');
    await assert.rejects(missing.groups.find(['memory']), /may not make control groups: ENOENT.*Delegate=yes/);

    using outside = new System(ROOT.replace(' / /sys', ' /docker/x /sys'), '/elsewhere');
    outside.group('sys/fs/cgroup', 'memory');
    await assert.rejects(outside.groups.find(['memory']), /\/elsewhere, cannot be seen from here.*Delegate=yes/);
  });
});
