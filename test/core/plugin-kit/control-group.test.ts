import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { confine, handBack, release, wordsToJoin } from '#core/plugin-kit/control-group.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

/** A folder in place of a control group; what the kernel makes of it is tried in test/e2e/systemd. */
describe('a control group', () => {
  let folder: TemporaryFolder;
  const limits = () => ({ folder: folder.path, group: 'unikernel-x', handBack: true });
  const content = (...names: string[]): string => readFileSync(folder.in(...names), 'utf8');

  beforeEach(() => {
    folder = new TemporaryFolder();
    writeFileSync(folder.in('cgroup.subtree_control'), '');
  });

  afterEach(() => folder[Symbol.dispose]());

  it('gets its limits as the kernel writes them', () => {
    confine({ ...limits(), memory: 1_048_576, cpu: 0.255, processes: 7 });
    assert.equal(content('cgroup.subtree_control'), '+memory +cpu +pids');
    const files = ['memory.max', 'memory.oom.group', 'cpu.max', 'pids.max'];
    assert.deepEqual(
      files.map((file) => content('unikernel-x', file)),
      ['1048576', '1', '25500 100000', '7'],
    );
  });

  it('loses the limits that are configured no more', () => {
    confine({ ...limits(), memory: 1_048_576, processes: 7 });
    writeFileSync(folder.in('cgroup.subtree_control'), 'memory pids\n');
    confine({ ...limits(), processes: 8 });
    assert.deepEqual([content('unikernel-x', 'memory.max'), content('unikernel-x', 'pids.max')], ['max', '8']);
    assert.equal(content('cgroup.subtree_control'), 'memory pids\n');
    assert.equal(existsSync(folder.in('unikernel-x', 'cpu.max')), false);
  });

  it('is joined by a shell, and by bash where a name is none for a shell', () => {
    const [shell, ...words] = wordsToJoin(limits(), { PATH: '/bin', _x1: '' });
    assert.match(shell ?? '', /\/sh$/);
    assert.equal(words.at(-1), folder.in('unikernel-x', 'cgroup.procs'));
    const [bash, privileged] = wordsToJoin(limits(), { 'a.b': '' });
    assert.match(`${bash} ${privileged}`, /\/bash -p$|\/sh -c$/);
  });

  it('is removed when it is empty', () => {
    mkdirSync(folder.in('unikernel-x'));
    release(limits());
    assert.equal(existsSync(folder.in('unikernel-x')), false);
    release(limits());
  });

  it('hands back what was enabled beside it, and a folder that is gone', () => {
    writeFileSync(folder.in('cgroup.subtree_control'), 'cpu memory\n');
    handBack(limits());
    assert.equal(content('cgroup.subtree_control'), '-cpu -memory');
    handBack({ ...limits(), folder: folder.in('gone') });
  });
});
