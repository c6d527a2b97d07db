import assert from 'node:assert/strict';
import { parseDnsName } from '#core/net/dns-name.js';

describe('a DNS name', () => {
  const label63 = 'a'.repeat(63);
  const name253 = `${label63}.${label63}.${label63}.${'a'.repeat(61)}`;

  for (const [written, name] of [
    ['WWW.Example.ORG.', 'www.example.org'],
    ['*.example.org', '*.example.org'],
    ['_http._tcp.a-b.test', '_http._tcp.a-b.test'],
    ['localhost', 'localhost'],
    ['bücher.example', 'xn--bcher-kva.example'],
    [name253, name253],
  ] as const) {
    it(`'${written.slice(0, 40)}' is '${name.slice(0, 40)}'`, () => {
      assert.equal(parseDnsName(written), name);
    });
  }

  for (const written of [
    '',
    '.',
    '*',
    '*.',
    'a..b',
    '.a',
    'a.*.b',
    'a*.b',
    '-a.b',
    'a-.b',
    'a b',
    'a,b',
    `${label63}a.b`,
    `${name253}a`,
  ]) {
    it(`'${written.slice(0, 40)}' is none`, () => {
      assert.equal(parseDnsName(written), undefined);
    });
  }
});
