import assert from 'node:assert/strict';
import { ForwardingGate } from '#core/dns/resolvers/forwarding-gate.js';
import { writeResponse } from '#core/dns/wire/response-writer.js';
import { anAccessControl } from '../../../support/dns-admission.js';
import { decodeReply } from '../../../support/dns-message.js';
import { aQuery, tcpClient } from '../../../support/dns-query.js';

const resolver = new ForwardingGate(anAccessControl(), 60);

describe('the minimal answer to ANY', () => {
  it('is a HINFO record that names RFC 8482, over UDP and for any name', () => {
    const query = aQuery('a.example.net', { type: 'ANY' });
    const answer = resolver.resolve(query);
    assert.ok(answer);
    const reply = decodeReply(writeResponse(query, answer, true));
    assert.deepEqual(reply.answers, [
      {
        ...{ name: 'a.example.net', type: 'HINFO', ttl: 60, class: 'IN', flush: false },
        data: { cpu: 'RFC8482', os: '' },
      },
    ]);
    assert.equal(reply.flag_aa, false);
  });

  it('is not given over TCP, to other types, and where nothing would be forwarded', () => {
    assert.equal(resolver.resolve(aQuery('a.test', { type: 'ANY' }, tcpClient)), undefined);
    assert.equal(resolver.resolve(aQuery('a.test', { type: 'TXT' })), undefined);
    assert.equal(resolver.resolve(aQuery('a.test', { type: 'ANY', flags: 0 })), undefined);
  });
});
