import assert from 'node:assert/strict';
import { parseVariables } from '#core/plugin-kit/parse-variables.js';

describe('a file of variables', () => {
  it('is read as systemd does it', () => {
    const lines = [
      '# no',
      '; no',
      '',
      'A=b',
      ' B = c d ',
      'C="quoted  "',
      "D='x'",
      'E=',
      'F=a=b',
      'nothing',
      'G="half',
      '\r',
    ];
    const expected = { A: 'b', B: 'c d', C: 'quoted  ', D: 'x', E: '', F: 'a=b', G: '"half' };
    assert.deepEqual(parseVariables(lines.join('\n')), expected);
    assert.deepEqual(parseVariables('A=b\r\nC=d\r\n'), { A: 'b', C: 'd' });
  });
});
