import assert from 'node:assert/strict';
import fc from 'fast-check';
import { LineSplitter } from '#process/line-splitter.js';

describe('splitting output into lines', () => {
  it('gives the same lines however the bytes come in', () => {
    const pieces = fc.array(fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)));
    fc.assert(
      fc.property(pieces, (parts) => {
        const [whole, piecewise] = [new LineSplitter(), new LineSplitter()];
        const expected = [...whole.push(Buffer.concat(parts)), ...whole.flush()];
        assert.deepEqual([...parts.flatMap((part) => piecewise.push(part)), ...piecewise.flush()], expected);
      }),
    );
  });

  it('cuts a line that does not end, and goes on with the next', () => {
    const splitter = new LineSplitter();
    const lines = Array.from({ length: 100 }, () => splitter.push(Buffer.alloc(1_000, 'x'))).flat();
    assert.equal(lines.length, 1);
    assert.deepEqual(splitter.push(Buffer.from('x\nnext\n')), ['next']);
  });

  it('shows control characters instead of obeying them', () => {
    assert.deepEqual(new LineSplitter().push(Buffer.from('a\tb\x1b[2J\r\n')), ['a\tb\\x1b[2J']);
  });
});
