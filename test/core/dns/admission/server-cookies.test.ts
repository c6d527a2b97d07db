import assert from 'node:assert/strict';
import { addressBytes } from '#core/net/address-bytes.js';
import { ServerCookies, type CookieVerdict } from '#core/dns/admission/server-cookies.js';

const hex = (text: string): Uint8Array => Buffer.from(text, 'hex');
const bytesOf = (address: string): Uint8Array => addressBytes(address) as Uint8Array;

function made(cookies: ServerCookies, client: string, address: string, seconds: number): string {
  const target = new Uint8Array(16);
  cookies.write(target, 0, hex(client), 0, bytesOf(address), seconds * 1_000);
  return Buffer.from(target).toString('hex');
}

function checked(cookies: ServerCookies, cookie: string, address: string, seconds: number): CookieVerdict {
  // Within a message, as it comes.
  const message = hex(`ffff${cookie}`);
  return cookies.check(message, 2, message.length - 10, bytesOf(address), seconds * 1_000);
}

describe('server cookies', () => {
  describe('of RFC 9018, appendix A', () => {
    const cookies = new ServerCookies(hex('e5e973e5a6b2a43f48e7dc849e37bfcf'));

    it('learns a new one (A.1)', () => {
      const cookie = made(cookies, '2464c4abcf10c957', '198.51.100.100', 1_559_731_985);
      assert.equal(cookie, '010000005cf79f111f8130c3eee29480');
    });

    it('renews it (A.2)', () => {
      const old = '2464c4abcf10c957010000005cf79f111f8130c3eee29480';
      assert.equal(checked(cookies, old, '198.51.100.100', 1_559_734_385), 'old');
      const cookie = made(cookies, '2464c4abcf10c957', '198.51.100.100', 1_559_734_385);
      assert.equal(cookie, '010000005cf7a871d4a564a1442aca77');
    });

    it('takes one whose reserved bits are set, and gives one in which they are not (A.3)', () => {
      const old = 'fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5';
      assert.equal(checked(cookies, old, '203.0.113.203', 1_559_728_000), 'fresh');
      const cookie = made(cookies, 'fc93fc62807ddb86', '203.0.113.203', 1_559_734_700);
      assert.equal(cookie, '010000005cf7a9acf73a7810aca2381e');
    });

    it('does the same for IPv6, and takes no other secret’s (A.4)', () => {
      const address = '2001:db8:220:1:59de:d0f4:8769:82b8';
      const old = '22681ab97d52c298010000005cf7c57926556bd0934c72f8';
      const before = new ServerCookies(hex('dd3bdf9344b678b185a6f5cb60fca715'));
      const after = new ServerCookies(hex('445536bcd2513298075a5d379663c962'));
      assert.equal(checked(before, old, address, 1_559_741_961), 'fresh');
      assert.equal(checked(after, old, address, 1_559_741_961), 'invalid');
      assert.equal(made(after, '22681ab97d52c298', address, 1_559_741_961), '010000005cf7c609a6bb79d16625507a');
    });
  });

  const cookies = new ServerCookies();
  const client = '0102030405060708';
  const start = 1_700_000_000;
  const cookie = client + made(cookies, client, '192.0.2.1', start);

  it('are fresh for half an hour, old for an hour, and then invalid', () => {
    const at = (seconds: number): CookieVerdict => checked(cookies, cookie, '192.0.2.1', start + seconds);
    assert.deepEqual([at(0), at(1_800), at(1_801), at(3_600), at(3_601)], ['fresh', 'fresh', 'old', 'old', 'invalid']);
    assert.deepEqual([at(-300), at(-301)], ['fresh', 'invalid']);
  });

  it('hold past the end of 32 bits of seconds', () => {
    const end = 2 ** 32 - 10;
    const late = client + made(cookies, client, '192.0.2.1', end);
    assert.equal(checked(cookies, late, '192.0.2.1', end + 20), 'fresh');
  });

  it('hold for nobody else: another address, another client cookie, another bit', () => {
    assert.equal(checked(cookies, cookie, '192.0.2.2', start), 'invalid');
    for (let bit = 0; bit < cookie.length * 4; bit++) {
      const forged = hex(cookie);
      forged[bit >> 3]! ^= 1 << (bit & 7);
      assert.equal(checked(cookies, Buffer.from(forged).toString('hex'), '192.0.2.1', start), 'invalid', `bit ${bit}`);
    }
  });

  it('have 16 bytes, whatever else a server may give', () => {
    assert.equal(checked(cookies, cookie.slice(0, -2), '192.0.2.1', start), 'invalid');
    assert.equal(checked(cookies, `${cookie}00`, '192.0.2.1', start), 'invalid');
  });

  it('are shared by whoever has the secret, as after a structured clone', () => {
    const worker = new ServerCookies(structuredClone(cookies.secret));
    assert.equal(checked(worker, cookie, '192.0.2.1', start), 'fresh');
  });
});
