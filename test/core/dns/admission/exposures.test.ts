import assert from 'node:assert/strict';
import type { DnsSettings, WakeSettings, Settings } from '#core/config/settings.js';
import { exposures } from '#core/dns/admission/exposures.js';
import { dnsSettings } from '../../../support/dns-settings.js';
import { wakeSettings } from '../../../support/wake-settings.js';

const local = ['127.0.0.0/8', '::1/128', '10.0.0.0/8', '192.168.0.0/16'];
const closed: Partial<DnsSettings> = { allow: local, allowForwarding: local, forwarders: 'system' };
const limited = { perSecond: 100, slip: 2, exempt: local };
const told = (dns: Partial<DnsSettings>, wake: Partial<WakeSettings> = {}): string =>
  exposures({ dns: dnsSettings({ rateLimit: limited, ...dns }), wake: wakeSettings(wake) }).join('\n');

describe('what is open to others', () => {
  it('is nothing where Jitsu is bound to loopback and private addresses only, whatever it allows', () => {
    assert.equal(told({ bind: ['127.0.0.1', '::1', '10.0.0.5'], forwarders: 'system' }, { proof: 'none' }), '');
  });

  it('is nothing where only loopback and private networks may ask, wherever it is bound', () => {
    assert.equal(told({ ...closed, bind: ['0.0.0.0', '::'] }), '');
    assert.equal(told({ ...closed, bind: ['0.0.0.0'] }, { trusted: local }), '');
  });

  it('is nothing where none but loopback and private networks may ask, whatever else is set for others', () => {
    const dns = { ...closed, bind: ['0.0.0.0'] };
    assert.equal(told({ ...dns, allowForwarding: ['0.0.0.0/0'] }), '');
    assert.equal(told(dns, { trusted: ['198.51.100.0/24'] }), '');
    assert.equal(told({ ...dns, rateLimit: { ...limited, perSecond: 0 } }), '');
  });

  it('is the names of unikernels where others may ask', () => {
    const open = told({ ...closed, bind: ['192.0.2.1'], allow: [...local, '198.51.100.0/24'] });
    assert.match(open, /answered on 192\.0\.2\.1 for 198\.51\.100\.0\/24/);
    assert.doesNotMatch(open, /open resolver|[Ff]orged/);
  });

  it('is everything where others may have other names looked up: an open resolver, in plain words', () => {
    const open = told({ bind: ['::'], forwarders: 'system' });
    assert.match(open, /^This is an open resolver: on :: .* anybody in the whole Internet/);
    assert.doesNotMatch(told({ bind: ['::'], forwarders: 'off' }), /open resolver/);
    assert.doesNotMatch(told({ bind: ['::'], forwarders: 'system', deny: ['0.0.0.0/0', '::/0'] }), /open resolver/);
  });

  it('is a boot for forged packets where no proof is asked of others', () => {
    const dns = { bind: ['192.0.2.1'], forwarders: 'off' } as const;
    assert.match(told(dns, { proof: 'none' }), /Forged packets can boot/);
    assert.match(told(dns, { trusted: ['198.51.100.0/24'] }), /Forged packets can boot.*198\.51\.100\.0\/24/);
    assert.match(told(dns, { trusted: local }), /may seem to come from a private address/);
    assert.doesNotMatch(told(dns), /proof/);
  });

  it('is no limit to responses where there is none', () => {
    assert.match(told({ bind: ['192.0.2.1'], rateLimit: { ...limited, perSecond: 0 } }), /Nothing limits/);
  });

  it('is told in whole sentences, the worst first, for a single network as for many', () => {
    const dns = { ...closed, bind: ['192.0.2.1'], rateLimit: { ...limited, perSecond: 0 } };
    const networks = { allow: ['198.51.100.0/24'], allowForwarding: ['203.0.113.0/24'] };
    const all = exposures({
      dns: dnsSettings({ ...dns, ...networks }),
      wake: wakeSettings({ trusted: ['100.64.0.0/10', '10.0.0.0/8'] }),
    });
    assert.deepEqual(all, [
      'This is an open resolver: on 192.0.2.1 it looks up any name for anybody in 203.0.113.0/24, who can use it against ' +
        "others. Unless you mean that, set dns.allowForwarding to ['loopback', 'private'].",
      'Forged packets can boot unikernels: of queries that seem to come from 100.64.0.0/10 no proof is asked. Set ' +
        "wake.proof to 'cookie-or-tcp', and wake.trusted to those alone who cannot be forged.",
      'On 192.0.2.1 a packet from outside may seem to come from a private address, of which no proof is asked. If your ' +
        "router does not drop those, set wake.proof to 'cookie-or-tcp' and leave wake.trusted out.",
      'The names of unikernels are answered on 192.0.2.1 for 198.51.100.0/24, and whoever asks from there may boot them ' +
        'as far as wake lets them. To serve fewer, set dns.allow.',
      'Nothing limits the responses to forged sources: set dns.rateLimit.perSecond.',
    ]);
  });

  it('are addresses that are given at once to clients whose connections can boot nothing', () => {
    const said = (unproven: number, answersAtOnce: boolean, trusted = ['10.0.0.0/8']): boolean =>
      exposures({
        dns: dnsSettings({ rateLimit: limited, ...closed, bind: ['192.0.2.1'], allow: ['198.51.100.0/24'] }),
        wake: wakeSettings({ trusted, knocks: { unproven } }),
        unikernels: [{ answersAtOnce }] as unknown as Settings['unikernels'],
      }).some((sentence) =>
        sentence.startsWith('Clients in 198.51.100.0/24 get addresses at once, and can boot nothing'),
      );
    assert.deepEqual(
      [said(0, true), said(1, true), said(0, false), said(0, true, ['198.51.100.0/22'])],
      [true, false, false, false],
    );
  });

  it('is told for the first four networks by name, and for others by their number', () => {
    const networks = (count: number): string[] => Array.from({ length: count }, (_, index) => `198.51.${index}.0/24`);
    const shown = (count: number): string =>
      /for (.*), and whoever/.exec(told({ ...closed, bind: ['192.0.2.1'], allow: networks(count) }))?.[1] ?? '';
    assert.equal(shown(4), networks(4).join(', '));
    assert.equal(shown(5), `${networks(4).join(', ')} and 1 more`);
    assert.equal(shown(9), `${networks(4).join(', ')} and 5 more`);
    for (const whole of ['0.0.0.0/0', '::/0']) {
      assert.match(told({ ...closed, bind: ['192.0.2.1'], allow: [whole] }), /for the whole Internet, and/);
    }
  });

  it('counts a bound address itself, not the network around it, and one that is public as meant for the Internet', () => {
    const trusting = { trusted: local };
    for (const bind of [['0.0.0.0'], ['::'], ['0.0.0.0', '::']]) assert.equal(told({ ...closed, bind }, trusting), '');
    for (const bind of [['192.0.2.1'], ['::', '2001:db8::1'], ['172.32.0.1']]) {
      assert.match(told({ ...closed, bind }, trusting), /^On .* a packet from outside may seem to come from a private/);
      assert.equal(told({ ...closed, bind }, { ...trusting, proof: 'none' }), '');
      assert.equal(told({ ...closed, bind }, { trusted: ['192.0.2.0/24'] }), '');
    }
  });
});
