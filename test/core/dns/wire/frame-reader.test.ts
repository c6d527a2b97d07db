import assert from 'node:assert/strict';
import fc from 'fast-check';
import { frame, FrameReader } from '#core/dns/wire/frame-reader.js';

describe('the frame reader', () => {
  it('finds the same messages however the stream is cut into chunks', () => {
    const messages = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 6 });
    fc.assert(
      fc.property(messages, fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (sent, cuts) => {
        const stream = Buffer.concat(sent.map(frame));
        const reader = new FrameReader();
        const got: Uint8Array[] = [];
        for (let position = 0, turn = 0; position < stream.length; turn++) {
          const size = cuts[turn % cuts.length] ?? 1;
          got.push(...reader.push(stream.subarray(position, position + size)));
          position += size;
        }
        assert.deepEqual(got, sent);
      }),
    );
  });

  it('takes the longest message there is', () => {
    const message = new Uint8Array(65_535).fill(7);
    assert.deepEqual([...new FrameReader().push(frame(message))], [message]);
  });
});
