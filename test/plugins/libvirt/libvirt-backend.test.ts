import type { PowerChange } from '@jitsud/core/plugin';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, GLANCE } from '#core/testing/eventually.js';
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
});
