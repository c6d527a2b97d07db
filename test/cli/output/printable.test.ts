import assert from 'node:assert/strict';
import { printable } from '#cli/output/printable.js';

describe('foreign text', () => {
  it('cannot move the cursor, end the line or colour the terminal', () => {
    assert.equal(printable('a\x1b[2Jb\r\nc\x9b1m'), 'a\\x1b[2Jb\\x0d\\x0ac\\x9b1m');
  });

  it('cannot reverse the direction of what follows', () => {
    assert.equal(printable('a\u202eb'), 'a\\u{202e}b');
  });

  it('keeps the letters of every language', () => {
    assert.equal(printable('bücher 日本 "x"'), 'bücher 日本 "x"');
  });
});
