import assert from 'node:assert/strict';
import { Receiver } from '#synjitsu-vchan/receiver.js';
import { ClientThread } from '#synjitsu-vchan/client-thread.js';
import { loadVchan } from '#synjitsu-vchan/native/vchan-library.js';
import { eventually } from '#core/testing/eventually.js';
import { VchanBed } from '../../support/vchan/vchan-bed.js';

const PATH = '/local/domain/0/data/vchan/0/synjitsu';

describe('a receiver and a client of libxenvchan', function () {
  this.timeout(120_000);
  let bed: VchanBed;
  let client: ClientThread;
  let received: string[];
  let states: string[];

  before(async function () {
    bed = await VchanBed.start(this);
  });

  after(async () => bed[Symbol.asyncDispose]());

  beforeEach(() => {
    client = new ClientThread();
    [received, states] = [[], []];
  });

  afterEach(async () => client.close());

  const receiver = (): Receiver =>
    new Receiver({
      domain: 0,
      port: 'synjitsu',
      onRecord: (bytes) => received.push(Buffer.from(bytes).toString('hex')),
      onState: (state) => states.push(state),
    });

  const connect = async (): Promise<void> => {
    await eventually(() => assert.equal(states.at(-1), 'listening'));
    assert.deepEqual(await client.ask({ operation: 'connect', domain: 0, path: PATH }), { outcome: 'done' });
  };

  const record = (number: number): Uint8Array =>
    Uint8Array.from({ length: 10 }, (_, index) => (number * 10 + index) & 255);
  const send = (number: number) => client.ask({ operation: 'send', bytes: record(number) });

  it('carry records byte for byte, in order, round the ring many times', async () => {
    await using _receiver = receiver();
    await connect();
    const numbers = Array.from({ length: 2_000 }, (_, number) => number);
    for (const number of numbers) assert.deepEqual(await send(number), { outcome: 'done' });
    await eventually(() => assert.equal(received.length, numbers.length));
    assert.deepEqual(
      received,
      numbers.map((number) => Buffer.from(record(number)).toString('hex')),
    );
  });

  it('lose nothing that was sent before the client went, and serve the next one', async () => {
    await using _receiver = receiver();
    for (const number of [1, 2, 3]) {
      await connect();
      await send(number);
      await client.close();
      await eventually(() => assert.equal(states.filter((state) => state === 'disconnected').length, number));
      client = new ClientThread();
    }
    assert.deepEqual(
      received,
      [1, 2, 3].map((number) => Buffer.from(record(number)).toString('hex')),
    );
  });

  it('notice that the receiver has gone', async () => {
    const first = receiver();
    await connect();
    await first[Symbol.asyncDispose]();
    assert.deepEqual(await client.ask({ operation: 'is-open' }), { outcome: 'lost' });
    assert.deepEqual(await send(1), { outcome: 'lost' });
    assert.equal(await bed.store.exists(PATH), false);
    const outcome = await client.ask({ operation: 'connect', domain: 0, path: PATH });
    assert.deepEqual(outcome, { outcome: 'refused', errno: 2 });
  });

  it('drop what does not fit into the ring of one who does not read, after a second', async () => {
    const vchan = loadVchan();
    const sluggard = vchan.listen(0, PATH);
    assert.ok(sluggard !== undefined);
    try {
      assert.deepEqual(await client.ask({ operation: 'connect', domain: 0, path: PATH }), { outcome: 'done' });
      // 204 records of 10 bytes fit into 2048.
      for (let number = 0; number < 204; number += 1) assert.deepEqual(await send(number), { outcome: 'done' });
      assert.deepEqual(await send(204), { outcome: 'full' });
      assert.deepEqual(vchan.tryReceive(sluggard, 10), record(0));
      assert.deepEqual(await send(205), { outcome: 'done' });
    } finally {
      vchan.close(sluggard);
    }
  });

  it('say why nobody can listen there', async () => {
    const socket = process.env['XENSTORED_PATH'];
    process.env['XENSTORED_PATH'] = '/nowhere';
    try {
      await assert.rejects(receiver().ended, {
        code: 'JITSU_NOTIFIER_FAILED',
        message:
          /^Nobody can listen on the port synjitsu: libxenvchan refuses it \(E\w+\)\. .*\/sys\/hypervisor\/type\.$/,
      });
    } finally {
      process.env['XENSTORED_PATH'] = socket;
    }
  });
});
