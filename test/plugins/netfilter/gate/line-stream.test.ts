import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { LineStream, LONGEST_LINE } from '#netfilter/gate/line-stream.js';

describe('a stream of messages by lines', () => {
  let stream: PassThrough;
  let messages: unknown[];
  let ends: number;

  beforeEach(() => {
    stream = new PassThrough();
    messages = [];
    ends = 0;
    new LineStream(
      stream,
      (message) => messages.push(message),
      () => (ends += 1),
    );
  });

  const write = async (text: string | Buffer): Promise<void> => {
    stream.write(text);
    await new Promise((resolve) => setImmediate(resolve));
  };

  it('takes them, wherever they are split', async () => {
    for (const byte of Buffer.from('{"name":"é"}\n{"b":2}\n')) await write(Buffer.of(byte));
    assert.deepEqual(messages, [{ name: 'é' }, { b: 2 }]);
  });

  it('goes on with the next line after a sender that has died within one', async () => {
    await write('{"release":"www","outc');
    await write('\n{"hello":1}\n');
    assert.deepEqual(messages, [{ hello: 1 }]);
  });

  it('leaves out a line that is too long, and keeps none of it', async () => {
    for (let count = 0; count < 5; count += 1) await write(`"${'x'.repeat(LONGEST_LINE / 2)}`);
    await write('"\n{"next":1}\n');
    assert.deepEqual(messages, [{ next: 1 }]);
  });

  it('tells its end once', async () => {
    stream.end();
    stream.resume();
    await new Promise((resolve) => stream.once('close', resolve));
    assert.equal(ends, 1);
  });
});
