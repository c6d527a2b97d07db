import { ManualClock } from '@jitsud/core/testing';
import assert from 'node:assert/strict';
import { processOptions } from '#process/process-options.js';
import { planProcess, type ProcessPlan } from '#process/process-plan.js';
import { changesBetween, definitionOf, toDefinition } from '#process/program-definition.js';
import { ProgramFinder } from '#process/program-finder.js';

const plan: Omit<ProcessPlan, 'id'> = {
  name: 'web',
  program: '/usr/bin/web',
  words: ['web', '--port', '80'],
  cwd: '/srv/web',
  hasOwnCwd: true,
  env: { A: '1', B: '2' },
  account: { uid: 33, gid: 33, name: 'www-data', home: '/srv' },
  ip: ['192.0.2.1', '192.0.2.2'],
};

const changesTo = (now: Partial<ProcessPlan>): string | undefined =>
  changesBetween(definitionOf(plan), definitionOf({ ...plan, ...now }));

describe('the definition of a program', () => {
  for (const [changed, now] of Object.entries({
    command: { words: ['web', '--port', '81'] },
    cwd: { cwd: '/srv/other' },
    env: { env: { A: '1', B: '3' } },
    user: { account: undefined },
    ip: { ip: ['192.0.2.1'] },
    groups: { confinement: { groups: [44] } },
    umask: { confinement: { umask: 0o27 } },
    limits: { confinement: { files: 64 } },
    environmentFile: { confinement: { environmentFile: '/etc/web' } },
    noNewPrivileges: { confinement: { newPrivileges: true as const } },
  } satisfies Record<string, Partial<ProcessPlan>>)) {
    it(`says where ${changed} has changed`, () => assert.equal(changesTo(now), changed));
  }

  it('says all that has changed', () => {
    assert.equal(changesTo({ words: ['web'], env: {}, ip: [] }), 'command, env and ip');
    assert.equal(changesTo({ words: ['web'], ip: [] }), 'command and ip');
  });

  it('is the same where a program is found elsewhere, and whatever the order of variables and addresses is', () => {
    assert.equal(
      changesTo({ program: '/opt/web', env: { B: '2', A: '1' }, ip: ['192.0.2.2', '192.0.2.1'] }),
      undefined,
    );
    assert.equal(changesTo({ account: { uid: 33, gid: 33, name: 'other', home: '/' } }), undefined);
  });

  it('is the same wherever Jitsu is started, for a program with a folder of its own and for one without', () => {
    const plannedIn = (folder: string, cwd?: string): ProcessPlan => {
      process.chdir(folder);
      const options = processOptions.parse({ name: 'web', command: 'sh -c exit', ...(cwd !== undefined && { cwd }) });
      return planProcess('id', { name: 'web', options }, new ProgramFinder(new ManualClock())).plan;
    };
    const here = process.cwd();
    try {
      for (const cwd of [undefined, here]) {
        const before = definitionOf(plannedIn(here, cwd));
        assert.equal(changesBetween(before, definitionOf(plannedIn('/', cwd))), undefined, cwd ?? 'none');
      }
    } finally {
      process.chdir(here);
    }
  });

  it('has not changed for an option that another version of Jitsu told of, or did not', () => {
    const now = definitionOf(plan);
    const { umask: _, ...fewer } = now.options;
    assert.equal(changesBetween({ ...now, options: fewer }, now), undefined);
    assert.equal(changesBetween({ ...now, options: { ...now.options, nice: 'x' } }, now), undefined);
  });

  it('tells of its limits only whether there is a control group: what is in it is set anew', () => {
    const control = { folder: '/a', controllers: [], group: 'g', memory: 1 } as never;
    const other = { folder: '/b', controllers: [], group: 'g', memory: 2 } as never;
    const before = definitionOf({ ...plan, confinement: { control } });
    assert.equal(changesBetween(before, definitionOf({ ...plan, confinement: { control: other } })), undefined);
    assert.equal(changesBetween(before, definitionOf(plan)), 'limits');
  });

  it('shows nothing of the variables', () => {
    const text = JSON.stringify(definitionOf({ ...plan, env: { PASSWORD: 'correct horse' } }));
    assert.doesNotMatch(text, /PASSWORD|horse/);
  });

  it('is read from JSON as it was written, and nothing else is', () => {
    const written = definitionOf(plan);
    assert.deepEqual(toDefinition(JSON.parse(JSON.stringify(written))), written);
    for (const other of [
      ...[undefined, null, 1, 'text', {}, [], { ...written, name: 1 }, { ...written, name: 'x'.repeat(201) }],
      ...[
        { ...written, ip: 'x' },
        { ...written, ip: ['no address'] },
        { ...written, ip: Array(1_001).fill('192.0.2.1') },
      ],
      ...[
        { ...written, options: null },
        { ...written, options: { command: 1 } },
        { ...written, name: 'a\nb' },
      ],
    ])
      assert.equal(toDefinition(other), undefined, JSON.stringify([other]).slice(0, 80));
  });
});
