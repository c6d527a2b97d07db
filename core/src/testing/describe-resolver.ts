import assert from 'node:assert/strict';
import type { DnsAnswer, DnsQuery, ExtendedError, RecordsAnswer, Resolver } from '../contracts/resolver.js';
import type { ResourceRecord } from '../contracts/resource-record.js';
import { deepFreeze } from './deep-freeze.js';
import { inTime, PATIENCE } from './eventually.js';
import { useHarness, type Harness } from './harness.js';

/**
 * The harness of {@link describeResolver}.
 *
 * @example
 * ```ts
 * describeResolver('the hosts resolver', {
 *   resolver: () => new HostsResolver({ 'printer.test': '192.0.2.9' }),
 *   mine: [{ name: 'printer.test', type: 1 }],
 *   others: [{ name: 'example.org', type: 1 }],
 * });
 * ```
 */
export interface ResolverHarness extends Harness {
  resolver(): Resolver | Promise<Resolver>;
  /** Questions that it answers. Names are in lower case without a trailing dot; types are numbers. */
  readonly mine: readonly Pick<DnsQuery, 'name' | 'type'>[];
  /** Questions that it must pass to the next resolver in the chain. */
  readonly others: readonly Pick<DnsQuery, 'name' | 'type'>[];
}

/** Defines the mocha tests of the resolver contract, with mocha's global `describe` and `it`. */
export function describeResolver(name: string, harness: ResolverHarness): void {
  describe(`${name} (resolver contract)`, function () {
    this.timeout(3 * PATIENCE);
    let resolver: Resolver;

    useHarness(harness, async () => void (resolver = await harness.resolver()));

    const ask = async (question: Pick<DnsQuery, 'name' | 'type'>, signal = AbortSignal.timeout(PATIENCE)) =>
      resolver.resolve(aQuery(question), signal);

    for (const question of harness.mine) {
      it(`answers '${question.name}' of type ${question.type}`, async () => {
        const answer = await ask(question);
        assert.ok(answer, 'it leaves its own question to the next');
        checkAnswer(answer);
      });
    }

    for (const question of harness.others) {
      it(`leaves '${question.name}' of type ${question.type} to the next`, async () => {
        assert.equal(await ask(question), undefined);
      });
    }

    it('knows the name "constructor" no better than any other, although every object has that key', async () => {
      const strange = { name: 'a-name-of-nobody', type: 1 };
      if (harness.mine.some(({ name }) => name === 'constructor') || (await ask(strange)) !== undefined) return;
      assert.equal(await ask({ name: 'constructor', type: 1 }), undefined);
    });

    it('answers many at the same time', async () => {
      const answers = await Promise.all(Array.from({ length: 20 }, () => harness.mine.map((each) => ask(each))).flat());
      for (const answer of answers) assert.ok(answer);
    });

    it('does not go on for ever when nobody waits for the answer any more', async () => {
      for (const question of [...harness.mine, ...harness.others]) {
        const asked = ask(question, AbortSignal.abort(new Error('nobody waits'))).catch(() => undefined);
        await inTime(asked, `'${question.name}' is still being resolved`, harness.patience);
      }
    });
  });
}

/** RFC 1035, 4.1.1: the header has 12 bytes; QR is the first bit of the third one. */
function checkAnswer(answer: DnsAnswer): void {
  if ('message' in answer) {
    assert.ok(answer.message.length >= 12, 'a message is at least a header');
    assert.ok((answer.message[2] ?? 0) & 0x80, 'a message that is passed on must be a response');
    checkExtendedError(answer.extendedError);
  } else {
    checkRecords(answer);
  }
}

function checkRecords({ rcode, answers = [], authorities = [], extendedError }: RecordsAnswer): void {
  assert.ok(Number.isInteger(rcode) && rcode >= 0 && rcode <= 4_095, `rcode ${rcode}`);
  checkExtendedError(extendedError);
  for (const record of [...answers, ...authorities]) checkRecord(record);
}

/** RFC 8914, 2: an INFO-CODE has 16 bits. */
function checkExtendedError(error: ExtendedError | undefined): void {
  if (error === undefined) return;
  assert.ok(Number.isInteger(error.code) && error.code >= 0 && error.code < 2 ** 16, `INFO-CODE ${error.code}`);
}

/** RFC 2181, 8: a TTL has 31 bits. */
function checkRecord({ name, ttl }: ResourceRecord): void {
  assert.ok(Number.isInteger(ttl) && ttl >= 0 && ttl < 2 ** 31, `TTL ${ttl} of ${name}`);
  assert.ok(!name.endsWith('.') || name.endsWith('\\.'), `${name} ends in a dot`);
}

function aQuery({ name, type }: Pick<DnsQuery, 'name' | 'type'>): DnsQuery {
  return deepFreeze({
    name,
    type,
    class: 1,
    recursionDesired: true,
    authenticData: false,
    checkingDisabled: false,
    edns: { payloadSize: 1_232, dnssecOk: false },
    client: { address: '127.0.0.1', port: 50_000, transport: 'inject' },
    proven: true,
    message: questionBytes(name, type),
  });
}

/** The wire form of a query (RFC 1035, 4.1). */
function questionBytes(name: string, type: number): Uint8Array {
  const labels = name === '' ? [] : name.split('.').map((label) => Buffer.from(label));
  const encoded = labels.flatMap((label) => [label.length, ...label]);
  return Uint8Array.from([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...encoded, 0, type >> 8, type & 0xff, 0, 1]);
}
