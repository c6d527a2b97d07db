import assert from 'node:assert/strict';
import packet from 'dns-packet';
import { isNameError, withoutNameError } from '#core/dns/resolvers/name-error.js';
import { relayMessage } from '#core/dns/wire/message-relay.js';
import { CheckedAnswer, ParsedAnswer, sectionsOf, type MessageSections } from '#core/dns/wire/message-sections.js';
import { decodeReply } from '../../../support/dns-message.js';
import { aQuery } from '../../../support/dns-query.js';
import { anOpt, aSoa, sourceMessage } from '../../../support/dns-source.js';

const query = aQuery('www.example.org', { type: 'MX', edns: { dnssecOk: true } });
const denied = (extendedRcode = 0): Uint8Array =>
  sourceMessage(query, {
    rcode: 3,
    flags: packet.AUTHENTIC_DATA,
    authorities: [aSoa('example.org', 60, 60)],
    additionals: [anOpt({ code: 19, text: 'stale' }, extendedRcode)],
  });
const parsed = (message: Uint8Array): ParsedAnswer =>
  new ParsedAnswer(message, sectionsOf(message) as MessageSections, true);

describe('NXDOMAIN', () => {
  it('is known by all twelve bits of the rcode', () => {
    assert.equal(isNameError({ rcode: 3 }), true);
    assert.equal(isNameError({ rcode: 0 }), false);
    assert.equal(isNameError({ message: denied() }), true);
    assert.equal(isNameError(parsed(denied())), true);
    assert.equal(isNameError(parsed(denied(1))), false);
  });

  it('becomes NOERROR without AD, with the same records and errors, and the message of others stays as it is', () => {
    for (const whole of [
      { message: denied(), reusableUntil: 5 },
      parsed(denied()),
      new CheckedAnswer(denied(), parsed(denied()).summary, 5),
    ]) {
      const before = Buffer.from(whole.message);
      const changed = withoutNameError(whole);
      assert.ok('message' in changed);
      assert.equal(changed.reusableUntil, whole.reusableUntil);
      const reply = decodeReply(relayMessage(query, changed, true));
      const same = decodeReply(relayMessage(query, whole, true));
      assert.deepEqual([reply.rcode, reply.flag_ad, same.rcode, same.flag_ad], ['NOERROR', false, 'NXDOMAIN', true]);
      assert.deepEqual([reply.authorities, reply.additionals], [same.authorities, same.additionals]);
      assert.deepEqual(Buffer.from(whole.message), before);
    }
    assert.deepEqual(withoutNameError({ rcode: 3, authorities: [] }), { rcode: 0, authorities: [] });
  });
});
