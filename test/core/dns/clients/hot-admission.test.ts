import assert from 'node:assert/strict';
import { addressBytes } from '#core/dns/clients/client-addresses.js';
import { ClientRules } from '#core/dns/clients/client-rules.js';
import { HotAdmission } from '#core/dns/clients/hot-admission.js';

const ANY = ['0.0.0.0/0', '::/0'];
const LOCAL = ['127.0.0.0/8', '::1/128', '10.0.0.0/8'];

const dns = { allow: ANY, deny: ['10.6.6.0/24'], allowForwarding: LOCAL, rateLimit: { exempt: LOCAL } };
const wake = { proof: 'cookie-or-tcp', trusted: ['127.0.0.0/8'], allow: ANY, deny: ['127.6.6.6/32'] } as const;

describe('the admission to hot answers', () => {
  const admission = new HotAdmission(new ClientRules(dns, wake));
  const cases: readonly (readonly [address: string, overUdp: string, overTcp: string])[] = [
    ['127.0.0.1', 'counted', 'counted'],
    ['10.0.0.1', 'given', 'counted'],
    ['::1', 'given', 'counted'],
    ['127.6.6.6', 'given', 'given'],
    ['10.6.6.6', 'none', 'none'],
    ['192.0.2.1', 'none', 'none'],
  ];
  for (const [address, overUdp, overTcp] of cases) {
    it(`is ${overUdp} for ${address} over UDP, and ${overTcp} over TCP, however often and in whatever order`, () => {
      const bytes = addressBytes(address) as Uint8Array;
      for (let time = 0; time < 2; time += 1) {
        assert.equal(admission.of(bytes, true), overUdp);
        assert.equal(admission.of(bytes, true), overUdp);
        assert.equal(admission.of(bytes, false), overTcp);
      }
    });
  }

  it('goes to another thread by its settings, and is the same there', () => {
    const { dns: theirs, wake: theirWake } = structuredClone(new ClientRules(dns, wake).settings);
    const there = new HotAdmission(new ClientRules(theirs, theirWake));
    for (const [address, overUdp] of cases) assert.equal(there.of(addressBytes(address) as Uint8Array, true), overUdp);
  });
});
