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

  it('gives complete lines at once, empty ones too, and the last one on request', () => {
    const splitter = new LineSplitter();
    assert.deepEqual(splitter.push(Buffer.from('one\n\ntwo\nthr')), ['one', '', 'two']);
    assert.deepEqual(splitter.push(Buffer.from('')), []);
    assert.deepEqual(splitter.push(Buffer.from('ee')), []);
    assert.deepEqual(splitter.flush(), ['three']);
    assert.deepEqual(splitter.flush(), []);
    assert.deepEqual(splitter.push(Buffer.from('four\n')), ['four']);
  });

  it('cuts a line that does not end, and goes on with the next', () => {
    const splitter = new LineSplitter();
    const lines = Array.from({ length: 100 }, () => splitter.push(Buffer.alloc(1_000, 'x'))).flat();
    assert.equal(lines.length, 1);
    assert.deepEqual(splitter.push(Buffer.from('x\nnext\n')), ['next']);
  });

  it('cuts lines at 4,000 bytes, whether they come at once or not', () => {
    const [longest, cut] = ['x'.repeat(4_000), `${'x'.repeat(4_000)} … (cut)`];
    const splitter = new LineSplitter();
    assert.deepEqual(splitter.push(Buffer.from(`${longest}\n${longest}y\nz\n`)), [longest, cut, 'z']);
    assert.deepEqual(splitter.push(Buffer.from(longest)), []);
    assert.deepEqual(splitter.push(Buffer.from('y')), [cut]);
    assert.deepEqual(splitter.push(Buffer.from('more')), []);
    assert.deepEqual(splitter.push(Buffer.from('end\nnext')), []);
    assert.deepEqual(splitter.flush(), ['next']);
  });

  it('forgets a line that was cut when it is flushed', () => {
    const splitter = new LineSplitter();
    assert.equal(splitter.push(Buffer.alloc(4_001, 'x')).length, 1);
    assert.deepEqual(splitter.flush(), []);
    assert.deepEqual(splitter.push(Buffer.from('next\n')), ['next']);
  });

  it('shows control characters instead of obeying them', () => {
    assert.deepEqual(new LineSplitter().push(Buffer.from('a\tb\x1b[2J\r\n')), ['a\tb\\x1b[2J']);
    const line = 'a\r\x07\x7f\u0085\u2028ä\r\n';
    assert.deepEqual(new LineSplitter().push(Buffer.from(line)), ['a\\x0d\\x07\\x7f\\x85\\u2028ä']);
  });
});
