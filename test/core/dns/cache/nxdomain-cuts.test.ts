import assert from 'node:assert/strict';
import { cacheKey } from '#core/dns/cache/cache-key.js';
import { CachedAnswer } from '#core/dns/cache/cached-answer.js';
import { NxdomainCuts } from '#core/dns/cache/nxdomain-cuts.js';
import { cacheability } from '#core/dns/cache/stored-message.js';
import { sectionsOf } from '#core/dns/wire/message-sections.js';
import type { QueryOptions } from '../../../support/dns-message.js';
import { aQuery } from '../../../support/dns-query.js';
import { aSoa, sourceMessage } from '../../../support/dns-source.js';

const RD = 0x0100;
const AD = 0x0020;
const CD = 0x0010;

/** An answer that denies a name, to a query with these options; proven by DNSSEC unless told otherwise. */
function denial(name: string, options: QueryOptions = {}, flags = RD, isAuthentic = true): CachedAnswer {
  const query = aQuery(name, options);
  const key = cacheKey(query);
  const message = sourceMessage(query, { rcode: 3, flags, authorities: [aSoa('', 60, 60)] });
  const limits = { longestTtl: 60_000, negativeTtl: 60_000 };
  const response = cacheability(key, message, sectionsOf(message), limits, isAuthentic);
  assert.ok(response.verdict === 'store');
  return new CachedAnswer(key, response.stored, 0, { stale: 0, prefetch: false });
}

describe('NXDOMAIN cuts', () => {
  const isCut = (cuts: NxdomainCuts, name: string, options: QueryOptions = {}): boolean =>
    cuts.answerAt(0, cacheKey(aQuery(name, options))) !== undefined;
  const cutsOf = (...answers: readonly CachedAnswer[]): NxdomainCuts => {
    const cuts = new NxdomainCuts();
    for (const answer of answers) cuts.add(answer);
    return cuts;
  };

  it('are of the name and all below it, and of one class', () => {
    const cuts = cutsOf(denial('gone.test'));
    assert.deepEqual(
      ['gone.test', 'a.b.gone.test', 'test', 'begone.test'].map((name) => isCut(cuts, name)),
      [true, true, false, false],
    );
    const key = cacheKey(aQuery('gone.test'));
    const chaos = `${key.slice(0, -2)}\x03${key.slice(-1)}`;
    assert.notEqual(cuts.answerAt(0, key), undefined);
    assert.equal(cuts.answerAt(0, chaos), undefined);
  });

  it('are of the name alone, and not of those below it, where DNSSEC has not proven the answer', () => {
    const cuts = cutsOf(denial('gone.test', {}, RD, false), denial('test', {}, RD, false));
    assert.deepEqual(
      ['gone.test', 'a.b.gone.test', 'a.gone.test', 'test', 'other.test'].map((name) => isCut(cuts, name)),
      [true, false, false, true, false],
    );
    assert.equal(isCut(cuts, 'gone.test', { type: 'AAAA' }), true);
  });

  it('of a name that DNSSEC denies hold below another one that is denied without it', () => {
    const cuts = cutsOf(denial('a.gone.test', {}, RD, false), denial('gone.test'));
    assert.equal(isCut(cuts, 'b.a.gone.test'), true);
  });

  it('are neither made by, nor answer, queries that want proof or look for themselves', () => {
    const edns = { payloadSize: 1232, dnssecOk: true };
    for (const options of [{ edns }, { flags: RD | CD }]) {
      assert.equal(isCut(cutsOf(denial('gone.test')), 'gone.test', options), false);
      assert.equal(cutsOf(denial('gone.test', options))['answers'].size, 0);
    }
  });

  it('are not made by an answer with AD, which would be lost, nor of the root', () => {
    assert.equal(
      isCut(cutsOf(denial('gone.test', { flags: RD | AD }, RD | AD)), 'gone.test', { flags: RD | AD }),
      false,
    );
    assert.equal(isCut(cutsOf(denial('gone.test', {}, RD | AD)), 'gone.test'), true, 'nobody asked for AD');
    assert.equal(isCut(cutsOf(denial('.')), 'gone.test'), false);
  });

  it('last until the answer expires, or is removed, unless another has taken its place', () => {
    const [first, second] = [denial('gone.test'), denial('gone.test', { type: 'AAAA' })];
    const cuts = cutsOf(first, second);
    cuts.remove(first);
    assert.equal(isCut(cuts, 'gone.test'), true);
    const key = cacheKey(aQuery('gone.test'));
    assert.notEqual(cuts.answerAt(59_999, key), undefined);
    assert.equal(cuts.answerAt(60_000, key), undefined);
    cuts.remove(second);
    assert.equal(isCut(cuts, 'gone.test'), false);
    assert.equal(cuts['answers'].size, 0);
  });
});
