import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { MessageStream } from '#core/plugin-kit/message-stream.js';

/** One side of a stream, whose other side is the test. */
class Side extends Duplex {
  readonly written: Buffer[] = [];
  /** Whether what is written is taken. */
  takes = true;
  #waiting: (() => void) | undefined;

  override _read(): void {
    // What comes in is pushed by the test.
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.written.push(chunk);
    if (this.takes) done();
    else this.#waiting = done;
  }

  takeAll(): void {
    this.takes = true;
    this.#waiting?.();
  }
}

function framed(text: string, length = Buffer.byteLength(text)): Buffer {
  const bytes = Buffer.from(`    ${text}`);
  bytes.writeUInt32LE(length);
  return bytes;
}

describe('a stream of messages', () => {
  let side: Side;
  let came: unknown[];
  let stream: MessageStream;

  beforeEach(() => {
    side = new Side();
    came = [];
    stream = new MessageStream(side, {
      message: (message) => came.push(message),
      malformed: (what) => came.push(what),
      end: () => came.push('the end'),
    });
  });

  const turn = () => new Promise((resolve) => setImmediate(resolve));

  it('takes messages however they are cut into pieces', async () => {
    const messages = [{ a: 'ä'.repeat(300) }, [], 7, 'x', { b: {} }, null];
    const bytes = Buffer.concat(messages.map((message) => framed(JSON.stringify(message))));
    for (const size of [1, 2, 3, 5, 64, bytes.length]) {
      came.length = 0;
      for (let at = 0; at < bytes.length; at += size) {
        side.emit('data', bytes.subarray(at, at + size));
      }
      assert.deepEqual(came, messages);
    }
  });

  it('sends what the other side takes', async () => {
    const message = { text: 'ä€', list: [1, null] };
    stream.send(message);
    await turn();
    for (const bytes of side.written) side.emit('data', bytes);
    stream.sendText('[7]');
    await turn();
    side.emit('data', side.written.at(-1));
    assert.deepEqual(came, [message, [7]]);
  });

  it('passes over what is no JSON, and what is too long, without keeping it', () => {
    stream.longest = 100;
    const long = framed('x'.repeat(101));
    side.emit('data', Buffer.concat([framed('{"a":'), framed('1'), long, framed('2'), framed(''), framed('3')]));
    assert.deepEqual(came, ['no JSON', 1, 'too large', 2, 'no JSON', 3]);
    came.length = 0;
    const before = process.memoryUsage().arrayBuffers;
    side.emit('data', framed('', 0xffff_ffff));
    for (let count = 0; count < 1_000; count += 1) side.emit('data', Buffer.alloc(65_536));
    assert.deepEqual(came, ['too large']);
    assert.ok(process.memoryUsage().arrayBuffers - before < 80e6);
    // 4 GiB − 1 in total; then messages follow.
    for (let left = 0xffff_ffff - 65_536_000; left > 0; left -= 1e8) {
      side.emit('data', { length: Math.min(left, 1e8) } as Buffer);
    }
    side.emit('data', framed('4'));
    assert.deepEqual(came, ['too large', 4]);
  });

  it('takes messages of any length where none is set', () => {
    const long = 'x'.repeat(1e6);
    side.emit('data', framed(JSON.stringify(long)));
    assert.deepEqual(came, [long]);
  });

  it('does not listen to who does not read, where it may not be trusted', async () => {
    side.takes = false;
    const answer = (): void => {
      for (let count = 0; count < 5; count += 1) stream.send({ text: 'x'.repeat(60_000) });
    };
    answer();
    assert.equal(side.isPaused(), false);
    stream.longest = 100;
    answer();
    assert.equal(side.isPaused(), true);
    side.takeAll();
    await turn();
    assert.equal(side.isPaused(), false);
  });

  for (const event of ['end', 'close', 'error']) {
    it(`ends once, and sends nothing more, at the event ${event}`, () => {
      side.emit(event);
      side.emit('close');
      assert.deepEqual(came, ['the end']);
      stream.send({});
      assert.deepEqual(side.written, []);
    });
  }

  it('is closed when all is written', async () => {
    stream.send({ last: true });
    stream.close();
    await turn();
    assert.equal(side.writableFinished, true);
    assert.equal(side.written.length, 1);
  });
});
