import assert from 'node:assert/strict';
import { RequestHead } from '#core/relay/request-head.js';

const rules = { paths: ['/healthz', '/status/*'], userAgents: ['UptimeRobot', 'prometheus/'] };

const decide = (text: string): boolean | undefined => new RequestHead(rules).isIgnored(Buffer.from(text, 'latin1'));

const request = (target: string, ...headers: readonly string[]): string =>
  [`GET ${target} HTTP/1.1`, 'Host: web', ...headers, '\r\n'].join('\r\n');

describe('the first request of a connection', () => {
  for (const target of ['/healthz', '/healthz?deep=1', '/status/', '/status/db', 'http://web:8080/healthz']) {
    it(`is ignored by its path: ${target}`, () => assert.equal(decide(request(target)), true));
  }

  for (const target of ['/', '/healthz/', '/healthzz', '/status', '*', '/?/healthz', 'http://web']) {
    it(`is not ignored by its path: ${target}`, () => assert.equal(decide(request(target)), false));
  }

  it('is ignored by a part of its user agent, in any case', () => {
    assert.equal(decide(request('/', 'User-Agent: Mozilla/5.0 (compatible; uptimerobot/2.0)')), true);
    assert.equal(decide(request('/', 'user-agent:Prometheus/2.51')), true);
    assert.equal(decide(request('/', 'User-Agent: curl/8', 'X-From: UptimeRobot')), false);
  });

  it('is known as soon as its headers are over, wherever it is split', () => {
    const text = request('/healthz');
    for (let split = 1; split < text.length; split += 1) {
      const head = new RequestHead(rules);
      assert.equal(head.isIgnored(Buffer.from(text.slice(0, split))), undefined, `split at ${split}`);
      assert.equal(head.isIgnored(Buffer.from(text.slice(split))), true, `split at ${split}`);
    }
  });

  for (const [what, bytes] of [
    ['TLS', '\x16\x03\x01\x02\x00'],
    ['SSH', 'SSH-2.0-OpenSSH'],
    ['PostgreSQL', '\x00\x00\x00\x08\x04\xd2\x16\x2f'],
    ['a method in small letters', 'get / HTTP/1.1'],
    ['a method that does not end', 'A'.repeat(22)],
  ] as const) {
    it(`is none, and known at once: ${what}`, () => assert.equal(decide(bytes), false));
  }

  it('is none where its line is no request line', () => {
    assert.equal(decide('GET /healthz\r\n\r\n'), false);
    assert.equal(decide('PRI * HTTP/2.0\r\n\r\n'), false);
  });

  it('is none where it has no end within 8 KiB', () => {
    const head = new RequestHead(rules);
    assert.equal(head.isIgnored(Buffer.from('GET /healthz HTTP/1.1\r\n')), undefined);
    assert.equal(head.isIgnored(Buffer.alloc(8_000, 'x')), undefined);
    assert.equal(head.isIgnored(Buffer.alloc(1_000_000, 'x')), false);
  });
});
