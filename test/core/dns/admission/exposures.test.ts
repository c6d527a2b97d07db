import assert from 'node:assert/strict';
import type { DnsSettings, WakeSettings } from '#core/config/settings.js';
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
});
