import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { locateControl } from '#cli/control-location.js';
import { UsageError } from '#cli/usage-error.js';
import { recordRunning, runningJitsus } from '#core/control/runtime-records.js';
import { OwnerLock } from '#core/state/owner-lock.js';
import { isRecord, rowOf } from '#core/state/stored-record.js';
import { identityOf } from '#core/state/process-identity.js';
import { MachineRecords } from '#process/machine-records.js';
import { fakeCore } from '../../support/fake-core.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';
import { ByteMutator } from '../byte-mutator.js';
import type { CpuMeter } from '../cpu-meter.js';
import type { FuzzStage, FuzzTarget } from '../fuzz-target.js';

const MACHINE = '00000000-0000-5000-8000-000000000001';
const own = identityOf(process.pid) ?? { pid: process.pid, started: '', boot: '' };
const nonce = '0123456789abcdef'.repeat(2);
const running = {
  pid: process.pid,
  socket: '/a/control.sock',
  listening: [{ address: '127.0.0.1', port: 53 }],
  configFile: '/a/b.yaml',
  process: own,
};
const RECORDS = [
  running,
  { ...running, configFile: undefined, listening: [] },
  {
    ...running,
    listening: [
      { address: '::1', port: 1 },
      { address: '127.0.0.1', port: 65_535 },
    ],
  },
  { pid: process.pid, startTime: own.started, bootId: own.boot, nonce },
  { nonce },
  own,
];
const WORDS = [
  ...[
    'null',
    'true',
    '1',
    '-1',
    '1e9',
    '4294967297',
    '""',
    '[]',
    '{}',
    '"pid":',
    '"socket":',
    '"listening":',
    '"configFile":',
  ],
  ...[
    '"process":',
    '"started":',
    '"boot":',
    '"nonce":',
    '"startTime":',
    '"bootId":',
    '"address":',
    '"port":',
    '\\u0000',
    '__proto__',
  ],
  ...[`${process.pid}`, JSON.stringify(own)],
];

/** The text of a record, which is put in the place of each: of a running Jitsu, a program, a lock, and in the store. */
export const runtimeRecords: FuzzTarget = {
  name: 'runtime-records',
  about: 'records in the runtime folder: running Jitsus, programs, locks, and records of the store',
  covers: [
    '/core/dist/control/runtime-records',
    '/core/dist/state/',
    '/plugins/process/dist/machine-records',
    '/core/dist/files/',
    '/cli/dist/control-location',
  ],
  mostCpu: 20_000,
  seeds: () => RECORDS.map((record) => Buffer.from(JSON.stringify(record))),
  mutator: (corpus, numbers) => new ByteMutator(corpus, numbers, WORDS).mutate,
  open: () => Promise.resolve(new RecordStage()),
};

class RecordStage implements FuzzStage {
  private readonly folder = new TemporaryFolder();
  private readonly runtime = this.folder.in('run');
  private readonly machines: MachineRecords;

  constructor() {
    // It makes the folders.
    recordRunning({ socket: '/a', listening: [] }, this.runtime)[Symbol.dispose]();
    this.machines = new MachineRecords(this.folder.in('machines'));
    this.machines.open();
  }

  async run(input: Uint8Array, meter: CpuMeter): Promise<void> {
    writeFileSync(this.folder.in('run', 'running', `${process.pid}.json`), input, { mode: 0o600 });
    writeFileSync(this.folder.in('machines', `${MACHINE}.json`), input);
    writeFileSync(this.folder.in('lock.1.lock'), input);
    await meter.packet(async () => {
      await this.readRunning();
      this.readMachine();
      const lock = new OwnerLock(this.folder.in('lock'));
      const owner = lock.acquire();
      lock.release();
      if (owner !== undefined) assert.equal(owner.pid, process.pid);
      readStored(input);
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.folder[Symbol.dispose]();
    return Promise.resolve();
  }

  private async readRunning(): Promise<void> {
    const records = runningJitsus(this.runtime);
    for (const { pid, socket, listening, configFile, ...others } of records) {
      assert.deepEqual([pid, others], [process.pid, {}]);
      assert.equal(typeof socket, 'string');
      assert.ok(configFile === undefined || typeof configFile === 'string');
      for (const { address, port, ...more } of listening)
        assert.deepEqual([typeof address, typeof port, more], ['string', 'number', {}]);
    }
    const core = {
      ...fakeCore({}),
      runningJitsus: () => [...records, ...records],
      preferredConfig: () => undefined,
      defaultControlSocket: () => '/default',
    };
    await locateControl(core, '/', {}).catch((error: unknown) => {
      if (!(error instanceof UsageError)) throw error;
    });
  }

  private readMachine(): void {
    for (const [id, record] of this.machines.load()) {
      assert.equal(id, MACHINE);
      if (record === undefined) continue;
      const { nonce: known, ...process } = record;
      assert.ok(known === undefined || /^[0-9a-f]{32}$/.test(known));
      if (record.pid === undefined) continue;
      const { pid, startTime, bootId, ...others } = process as typeof record;
      assert.deepEqual([typeof pid, typeof startTime, typeof bootId, others], ['number', 'string', 'string', {}]);
      assert.ok(Number.isSafeInteger(pid) && pid > 1 && pid < 2 ** 31);
    }
  }
}

/** A row of the store with its checksum may be anything. It is a record only where what reads it can use it. */
function readStored(input: Uint8Array): void {
  const json = Buffer.from(input).toString();
  for (const kind of ['registration', 'counters', 'event'] as const) {
    const [key, , checksum] = rowOf(kind === 'event' ? 1 : 'web', json);
    assert.equal(isRecord(kind, [key, `${json} `, checksum]), false, 'a row with a wrong checksum is no record');
    if (!isRecord(kind, [key, json, checksum])) continue;
    const { unikernel, names = [] } = JSON.parse(json) as { unikernel: unknown; names?: readonly unknown[] };
    assert.deepEqual([typeof unikernel, Array.isArray(names)], ['string', true]);
  }
}
