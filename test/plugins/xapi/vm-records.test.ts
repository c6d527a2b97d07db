import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import type { VmRecord } from '#xapi/vm-record.js';
import { VmRecords } from '#xapi/vm-records.js';

const REF = 'OpaqueRef:1';

const aRecord = (power_state: string, more: object = {}): VmRecord =>
  ({ uuid: 'u', name_label: 'www', power_state, current_operations: {}, ...more }) as unknown as VmRecord;

class Stage {
  readonly told: string[] = [];
  readonly answers: ((record: VmRecord) => void)[] = [];
  readonly records = new VmRecords(
    () => new Promise((resolve) => this.answers.push(resolve)),
    (uuid) => this.told.push(this.records.get(uuid)?.record.power_state ?? 'gone'),
  );

  constructor() {
    this.records.replace({ [REF]: aRecord('Halted') });
  }

  event(power: string, question: number): void {
    this.records.apply([{ ref: REF, operation: 'mod', snapshot: aRecord(power) }], question);
  }
}

describe('the records of the VMs of a pool', () => {
  it('follow events', () => {
    const stage = new Stage();
    stage.event('Running', stage.records.ask());
    assert.deepEqual(stage.told, ['Running']);
    stage.records.apply([{ ref: REF, operation: 'del' }], stage.records.ask());
    assert.deepEqual(stage.told, ['Running', 'gone']);
  });

  it('do not fall back behind a look, when an event comes late', async () => {
    const stage = new Stage();
    const question = stage.records.ask();
    const look = stage.records.look(REF);
    await turn();
    stage.answers.shift()?.(aRecord('Running'));
    await look;
    stage.event('Halted', question);
    assert.deepEqual(stage.told, ['Running'], 'not what the old event says');
    await turn();
    stage.answers.shift()?.(aRecord('Paused'));
    await turn();
    assert.deepEqual(stage.told, ['Running', 'Paused'], 'but what a second look finds');
  });

  it('do not fall back behind an event that comes during a look', async () => {
    const stage = new Stage();
    const look = stage.records.look(REF);
    await turn();
    stage.event('Running', stage.records.ask());
    assert.deepEqual(stage.told, []);
    stage.answers.shift()?.(aRecord('Halted'));
    await look;
    await turn();
    stage.answers.shift()?.(aRecord('Running'));
    await turn();
    assert.deepEqual(stage.told, ['Halted', 'Running']);
  });

  it('find VMs by name, and no templates, snapshots or control domains', () => {
    const { records } = new Stage();
    records.replace({
      a: aRecord('Halted', { uuid: 'a' }),
      b: aRecord('Halted', { uuid: 'b', is_a_template: true }),
      c: aRecord('Halted', { uuid: 'c', is_a_snapshot: true }),
      d: aRecord('Running', { uuid: 'd', is_control_domain: true }),
      e: aRecord('Halted', { uuid: 'e', name_label: 'other' }),
    });
    assert.deepEqual(
      records.named('www').map(({ uuid }) => uuid),
      ['a'],
    );
  });
});
