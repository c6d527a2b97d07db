import assert from 'node:assert/strict';
import { sectionsOf } from '#core/dns/wire/message-sections.js';
import { CacheStage } from '../../../support/dns-cache-stage.js';
import { decodeReply, queryBytes } from '../../../support/dns-message.js';
import { DnsMutator } from '../../../support/dns-mutator.js';
import { anOpt, aSoa, sourceMessage } from '../../../support/dns-source.js';

const seed = Number(process.env['JITSU_FUZZ_SEED'] ?? Date.now() % 2 ** 32);
const NAME = 'www.example.org';
const question = { message: queryBytes(NAME) };
const address = (name: string, data: string) => ({ name, type: 'A', ttl: 300, data });
const alias = (name: string, data: string) => ({ name, type: 'CNAME', ttl: 100, data });

/** A response with one record as real servers write it, its names pointing into the question; its count stands at `countAt`. */
function withRecord(rcode: number, countAt: number, hex: string): Uint8Array {
  const message = Buffer.concat([sourceMessage(question, { rcode }), Buffer.from(hex.replaceAll(' ', ''), 'hex')]);
  message.writeUInt16BE(1, countAt);
  return message;
}

const corpus = [
  sourceMessage(question, { answers: [address(NAME, '192.0.2.1'), address(NAME, '192.0.2.2')] }),
  sourceMessage(question, { answers: [alias(NAME, 'a.test'), address('a.test', '192.0.2.1')], additionals: [anOpt()] }),
  sourceMessage(question, { rcode: 3, authorities: [aSoa('example.org', 60, 60)] }),
  sourceMessage(question, { authorities: [aSoa('org', 60, 60)], additionals: [anOpt({ code: 4, text: 'x' })] }),
  sourceMessage(question, { rcode: 2, additionals: [anOpt({ code: 6, text: 'bogus' })] }),
  withRecord(0, 6, 'c00c 0001 0001 000000ff 0004 c0000201'),
  withRecord(3, 8, `c010 0006 0001 000000ff 001a c010 0161c010 ${'0000003c'.repeat(5)}`),
];

describe(`the cache under fire (JITSU_FUZZ_SEED=${seed})`, function () {
  this.timeout(60_000);

  it('never throws, keeps nothing that is malformed, and gives what it keeps whole and with TTLs that it counts', async () => {
    const mutator = new DnsMutator(corpus, seed);
    const stage = new CacheStage({ stale: 600_000 });
    let kept = 0;
    for (let round = 0; round < 30_000; round++) {
      const message = mutator.mutate();
      stage.source.behaviour = () => ({ message });
      await stage.answer(NAME);
      if (stage.cache.status.entries === 0) continue;
      kept += 1;
      assert.ok(sectionsOf(message), 'a malformed message was kept');
      stage.fail(new Error('it should have been kept'));
      const { questions, flag_aa: aa, flag_tc: tc } = await readable(stage);
      assert.deepEqual([questions?.[0]?.name.toLowerCase(), aa, tc], [NAME, false, false]);
      await stage.clock.advance(1);
      assert.equal(stage.cache.flush(), 1);
      assert.equal(stage.cache.status.bytes, 0);
    }
    assert.ok(kept > 100, `only ${kept} were kept`);
  });

  const readable = async (stage: CacheStage) => {
    const answer = await stage.answer(NAME);
    assert.ok(answer !== undefined);
    if (!('message' in answer)) return decodeReply(question.message);
    const sections = sectionsOf(answer.message);
    assert.ok(sections !== undefined && sections.opt === undefined);
    for (const { typeAt } of sections.records) {
      const ttl = Buffer.from(answer.message).readUInt32BE(typeAt + 4);
      assert.ok(ttl >= 1 && ttl <= 86_400, `TTL ${ttl}`);
    }
    // Data of records may be nonsense still, which is the asker's to judge: dns-packet sees the question alone.
    const questionAlone = Buffer.from(answer.message.subarray(0, sections.questionEnd));
    questionAlone.fill(0, 6, 12);
    return decodeReply(questionAlone);
  };
});
