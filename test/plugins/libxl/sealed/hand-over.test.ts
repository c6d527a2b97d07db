import assert from 'node:assert/strict';
import { eventually } from '#core/testing/eventually.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { rejectsWithCode } from '#core/testing/rejects-with-code.js';
import { LibxlBackend } from '#libxl/libxl-backend.js';
import { childrenOf } from '../../../support/process-status.js';
import { FakeXen } from '../../../support/libxl/fake-xen.js';
import { MemoryLogger } from '../../../support/memory-logger.js';

const never = new AbortController().signal;

describe('the backend of libxl, when Jitsu gives up root,', () => {
  let xen: FakeXen;
  let clock: ManualClock;
  let backend: LibxlBackend;

  beforeEach(async () => {
    xen = await FakeXen.start();
    clock = new ManualClock();
    const connection = { saves: xen.saves };
    backend = new LibxlBackend(connection, 'libxl', xen.folder.path, [], clock, new MemoryLogger(), xen.parts);
    await backend.connect();
  });

  afterEach(async () => {
    await backend.close();
    await xen[Symbol.asyncDispose]();
  });

  const machine = (name: string, more: object = {}) => backend.machine({ name, options: xen.options(name, more) });
  const children = (): number => childrenOf(process.pid).length;

  it('hands over its guests, in whatever state, and keeps neither libxl nor xenstore', async () => {
    const [web, mail] = [await machine('web'), await machine('mail')];
    await web.start();
    await mail.start();
    await mail.stop('suspend', never);
    const connections = xen.connections;
    assert.equal(children(), 1);
    await backend.beforeDrop();
    await eventually(() => assert.equal(xen.connections, connections));
    // The process that keeps root, whose child libxl is.
    assert.equal(children(), 1);
    assert.equal(childrenOf(childrenOf(process.pid)[0]!).length, 1);
    assert.deepEqual([(await web.describe()).state, (await mail.describe()).state], ['running', 'suspended']);
    await mail.resume?.();
    await web.stop('destroy', never);
    assert.deepEqual([(await web.describe()).state, (await mail.describe()).state], ['off', 'running']);
  });

  it('takes no further guests, and none that have changed', async () => {
    await machine('web');
    await backend.beforeDrop();
    await machine('web');
    await rejectsWithCode(machine('mail'), 'JITSU_BACKEND_DENIED');
    await rejectsWithCode(machine('web', { memory: '65MiB' }), 'JITSU_BACKEND_DENIED');
  });

  it('waits for what is under way', async () => {
    const web = await machine('web');
    const started = web.start();
    await backend.beforeDrop();
    await started;
    assert.equal((await web.describe()).state, 'running');
  });

  it('does not wait for what hangs', async () => {
    const hanging = await machine('hangs');
    const started = rejectsWithCode(hanging.start(), 'JITSU_BACKEND_FAILED');
    await eventually(() => assert.match(xen.calls.join(), /create/));
    let isHandedOver = false;
    const handed = backend.beforeDrop().then(() => (isHandedOver = true));
    await eventually(async () => {
      await clock.advance(1_000);
      assert.ok(isHandedOver);
    });
    await handed;
    assert.match((await started).message, /hangs cannot be created\. libxl was closed/);
    assert.equal((await hanging.describe()).state, 'off');
  });

  it('stays as it is where nothing can be handed over', async () => {
    const web = await machine('web');
    xen.hide();
    await rejectsWithCode(backend.beforeDrop(), 'JITSU_BACKEND_FAILED');
    await web.start();
    assert.equal((await web.describe()).state, 'running');
    assert.equal(children(), 1);
  });

  it('can be connected again by root, without that process', async () => {
    const web = await machine('web');
    await backend.beforeDrop();
    await backend.close();
    assert.equal(children(), 0);
    await backend.connect();
    await web.start();
    assert.equal((await web.describe()).state, 'running');
    assert.deepEqual(childrenOf(childrenOf(process.pid)[0]!), []);
  });
});
