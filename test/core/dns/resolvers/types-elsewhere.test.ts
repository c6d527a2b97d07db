import assert from 'node:assert/strict';
import type { DnsSettings } from '#core/config/settings.js';
import { TypesElsewhere } from '#core/dns/resolvers/types-elsewhere.js';
import { anAccessControl } from '../../../support/dns-admission.js';
import { aQuery, udpClient } from '../../../support/dns-query.js';
import { dnsSettings } from '../../../support/dns-settings.js';
import { FakeSource } from '../../../support/dns-source.js';

const never = new AbortController().signal;
const said = { rcode: 0 };

describe('other types of a unikernel’s name', () => {
  const ask = async (name: string, overrides: Partial<DnsSettings> = {}, flags?: number, address = '127.0.0.1') => {
    const settings = dnsSettings(overrides);
    const resolver = new TypesElsewhere(new FakeSource(() => said), anAccessControl(settings), settings);
    const query = aQuery(name, { type: 'MX', ...(flags !== undefined && { flags }) }, { ...udpClient, address });
    return resolver.resolve(query, never);
  };

  it('are asked for elsewhere', async () => {
    assert.equal(await ask('www.example.org'), said);
    assert.equal(await ask('www.jitsu.test'), said);
  });

  it('are not where another name would not be forwarded, either', async () => {
    assert.equal(await ask('www.example.org', {}, 0), undefined);
    assert.equal(await ask('www.example.org', { forwardExcept: ['Example.org'] }), undefined);
    for (const name of ['www.localhost', 'www.invalid', 'www.onion']) assert.equal(await ask(name), undefined, name);
    const allowForwarding = ['127.0.0.0/8'];
    assert.equal(await ask('www.example.org', { allowForwarding }, undefined, '192.0.2.1'), undefined);
    assert.equal(await ask('www.example.org', { allowForwarding }), said);
  });
});
