import assert from 'node:assert/strict';
import { PROOF_WANTED, writeProofAnswer } from '#core/dns/admission/proof-answer.js';
import { Rcode } from '#core/dns/wire/dns-parameters.js';
import { parseQuery } from '#core/dns/wire/query-parser.js';
import { QueryView } from '#core/dns/wire/query-view.js';
import { writeResponse } from '#core/dns/wire/response-writer.js';
import { anAccessControl, anAdmission } from '../../../support/dns-admission.js';
import { cookieIn, queryWithCookie, rcodeOf } from '../../../support/dns-cookie.js';
import { decodeReply, queryBytes, type QueryOptions } from '../../../support/dns-message.js';
import { aQuery, udpClient } from '../../../support/dns-query.js';

describe('an answer that asks for a proof', () => {
  const cut = (options: QueryOptions): Uint8Array => {
    const message = queryBytes('www.test', options);
    const query = new QueryView(0);
    assert.ok(query.read(message, message.length));
    const out = new Uint8Array(512);
    return out.subarray(0, writeProofAnswer(query, message, out, true, anAdmission(), 0));
  };

  it('says AA, lest glibc takes it for that of a lame server, but to class ANY', () => {
    for (const [recordClass, authoritative] of [
      ['IN', true],
      ['ANY', false],
    ] as const) {
      const reply = decodeReply(cut({ class: recordClass }));
      assert.deepEqual([reply.flag_aa, reply.flag_tc, reply.rcode], [authoritative, true, 'NOERROR']);
    }
    assert.equal(PROOF_WANTED.authoritative, true);
  });

  it('is what the responder writes, with and without EDNS', () => {
    for (const options of [{}, { class: 'ANY' }, { edns: {} }, { edns: { dnssecOk: true }, flags: 0 }]) {
      const slow = writeResponse(aQuery('www.test', options), PROOF_WANTED, true, { truncated: true });
      assert.deepEqual(Buffer.from(cut(options)), Buffer.from(slow));
    }
  });

  it('is BADCOOKIE and a server cookie where the query has a cookie, as the responder writes it', () => {
    const now = 1_700_000_000_000;
    for (const length of [8, 24]) {
      const message = queryWithCookie('www.test', Buffer.alloc(length, 7));
      const view = new QueryView(0);
      assert.ok(view.read(message, message.length));
      const access = anAccessControl();
      const admission = access.admissionOf(udpClient);
      admission.showCookie(message, view.cookieAt, view.cookieLength, now);
      const out = new Uint8Array(512);
      const fast = out.subarray(0, writeProofAnswer(view, message, out, true, admission, now));
      const parsed = parseQuery(message, udpClient);
      assert.ok(parsed.verdict === 'accepted');
      const { cookie } = access.admissionOf(udpClient).verdict(message.length, parsed.query.edns?.cookie, now);
      const slow = writeResponse(parsed.query, { rcode: Rcode.BadCookie }, true, { cookie });
      assert.deepEqual(Buffer.from(fast), Buffer.from(slow));
      assert.equal(rcodeOf(fast, decodeReply(fast)), 23);
      assert.equal(cookieIn(decodeReply(fast))?.length, 24);
    }
  });

  it('says that recursion is available only where it is, and to those for whom it is', () => {
    const message = queryBytes('www.test');
    const query = new QueryView(0);
    assert.ok(query.read(message, message.length));
    const flag = (recursionAvailable: boolean, allowForwarding: string[]): boolean => {
      const out = new Uint8Array(512);
      const admission = anAccessControl({ allowForwarding }).admissionOf(udpClient);
      const length = writeProofAnswer(query, message, out, recursionAvailable, admission, 0);
      return decodeReply(out.subarray(0, length)).flag_ra;
    };
    assert.deepEqual([flag(true, ['127.0.0.0/8']), flag(false, ['127.0.0.0/8']), flag(true, [])], [true, false, false]);
  });
});
