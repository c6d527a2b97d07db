import assert from 'node:assert/strict';
import { keepWhile } from '#core/config/keep-while.js';

const schema = keepWhile('While');

describe('the key keepWhile', () => {
  for (const [given, words] of [
    ['exec:/usr/local/bin/in-use web', ['/usr/local/bin/in-use', 'web']],
    ["exec:sh -c 'test -e /run/busy'", ['sh', '-c', 'test -e /run/busy']],
    [
      ['exec:sh', '-c', 'exit 0'],
      ['sh', '-c', 'exit 0'],
    ],
  ] as const) {
    it(`is a command: ${JSON.stringify(given)}`, () => assert.deepEqual(schema.parse(given), words));
  }

  for (const given of ['sh -c true', 'http:80/', 'exec:', ['exec:'], ['sh', 'exec:x'], "exec:sh 'x", [], 7]) {
    it(`is not ${JSON.stringify(given)}`, () => assert.equal(schema.safeParse(given).success, false));
  }
});
