import assert from 'node:assert/strict';
import { PROOF_WANTED, writeProofAnswer } from '#core/dns/admission/proof-answer.js';
import { QueryView } from '#core/dns/wire/query-view.js';
import { writeResponse } from '#core/dns/wire/response-writer.js';
import { anAdmission } from '../../../support/dns-admission.js';
import { decodeReply, queryBytes, type QueryOptions } from '../../../support/dns-message.js';
import { aQuery } from '../../../support/dns-query.js';

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
});
