import type { PowerChange } from '@jitsud/core/plugin';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, GLANCE } from '#core/testing/eventually.js';
import type { ServiceEndpoints } from '@jitsud/core/plugin';
import { ManualClock } from '#core/testing/manual-clock.js';
import { libvirtOptions } from '#libvirt/libvirt-options.js';
import { TestDriver } from '../../support/libvirt/test-driver.js';

describe('the libvirt backend, of which a domain is handed out', () => {
  let driver: TestDriver;

  before(function () {
    driver = TestDriver.open(this);
  });

  after(() => driver[Symbol.dispose]());

  it('reports nothing when its definition is told late, or is written anew, or is taken away while it runs', async () => {
    const backend = driver.backend();
    await backend.connect();
    try {
      const xml = driver.xmlFile('late');
      const machine = await backend.machine({ name: 'late', options: libvirtOptions.parse({ name: 'late', xml }) });
      const changes: PowerChange[] = [];
      using _watch = backend.watch((change) => changes.push(change));
      const defined = readFileSync(xml, 'utf8').replace('</name>', `</name><uuid>${machine.id}</uuid>`);
      driver.define({ xml: defined });
      await sleep(GLANCE);
      assert.deepEqual(changes, []);
      await machine.start();
      await eventually(() => assert.deepEqual(changes, [{ id: machine.id, state: 'running' }]));
      driver.undefine('late');
      await sleep(GLANCE);
      assert.equal(changes.length, 1);
    } finally {
      await backend.close();
    }
  });

  it('counts its packets where a threshold is configured, and not otherwise', async () => {
    assert.equal(driver.backend().activity, undefined);
    const clock = new ManualClock();
    const backend = driver.backend(clock, 1);
    const impossible = driver.backend(clock, Number.MAX_SAFE_INTEGER);
    await backend.connect();
    await impossible.connect();
    try {
      const devices = `<interface type='network'><source network='default'/><target dev='testnet0'/></interface>`;
      const options = libvirtOptions.parse({ name: 'counted', xml: driver.xmlFile('counted', { devices }) });
      const { id } = await backend.machine({ name: 'counted', options });
      const machine = await impossible.machine({ name: 'counted', options });
      await machine.start();
      const endpoints = { unikernel: 'counted', machine: id } as ServiceEndpoints;
      const never = new AbortController().signal;
      const last = async ({ activity }: typeof backend): Promise<number | undefined> =>
        (await activity?.observe(endpoints, never))?.lastPacket;
      const begin = clock.now();
      assert.deepEqual([await last(backend), await last(impossible)], [begin, begin]);
      // The driver makes up packets by the time of the machine.
      await sleep(50);
      await clock.advance(60_000);
      assert.deepEqual([await last(backend), await last(impossible)], [clock.now(), begin]);
      const unknown = { ...endpoints, machine: '00000000-0000-4000-8000-000000000000' };
      await assert.rejects(async () => backend.activity?.observe(unknown, never), { code: 'JITSU_BACKEND_FAILED' });
    } finally {
      await backend.close();
      await impossible.close();
    }
  });
});
