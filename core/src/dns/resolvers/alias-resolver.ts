import type { DnsAnswer, DnsQuery, MessageAnswer, RecordsAnswer, Resolver } from '../../contracts/resolver.js';
import type { ResourceRecord } from '../../contracts/resource-record.js';
import type { AnswerScrubber } from '../forwarder/answer-scrubber.js';
import { readUint16 } from '../wire/bytes.js';
import { isWithin, MessageNames, presentationAt, skipName } from '../wire/compressed-name.js';
import { Rcode, RecordType } from '../wire/dns-parameters.js';
import { decodeName } from '../wire/domain-name.js';
import { endOfQuestion, HEADER_LENGTH } from '../wire/header.js';
import {
  CheckedAnswer,
  ParsedAnswer,
  sectionsOf,
  walkRecords,
  type MessageSections,
  type RecordSpan,
} from '../wire/message-sections.js';
import { dataOf } from '../wire/record-data.js';
import { writeResponse } from '../wire/response-writer.js';
import { isNameError, withoutNameError } from './name-error.js';
import type { DnsUnikernel } from './unikernel-service.js';
import { connectionType, type UnikernelResolver } from './unikernel-resolver.js';

/** A longer chain of CNAME records is no answer. */
const LONGEST_CHAIN = 32;

/**
 * Gives the answers of upstreams. Where their CNAME records lead to the name of a unikernel, what upstreams know of that
 * name gives way to its own answer, for which it is woken.
 */
export class AliasResolver implements Resolver {
  constructor(
    private readonly source: Resolver,
    private readonly local: Pick<UnikernelResolver<DnsUnikernel>, 'holds' | 'answersFor' | 'resolve' | 'changes'>,
    private readonly scrubber: Pick<AnswerScrubber, 'guards' | 'scrub'>,
  ) {}

  resolve(query: DnsQuery, signal: AbortSignal): DnsAnswer | undefined | Promise<DnsAnswer | undefined> {
    const answer = this.source.resolve(query, signal);
    if (answer === undefined) return undefined;
    if (!('then' in answer)) return this.followed(query, answer, signal);
    return answer.then((given) => given && this.followed(query, given, signal));
  }

  private followed(query: DnsQuery, answer: DnsAnswer, signal: AbortSignal): DnsAnswer | Promise<DnsAnswer> {
    if (!('message' in answer) || !mayBeginWithAlias(query, answer)) return answer;
    const leads = connectionType(query.type) !== undefined;
    if (!leads && !isNameError(answer)) return answer;
    const { changes } = this.local;
    if (answer instanceof CheckedAnswer && answer.summary.leadsElsewhere === changes) return answer;
    if (!this.mayLeadHere(answer)) return rememberedElsewhere(answer, changes);
    const chain = new AliasChain(answer);
    for (const name of chain.targets()) {
      if (!leads) {
        // It does not exist where the upstream looked, and it does here.
        if (this.local.holds(name)) return withoutNameError(answer);
        continue;
      }
      const own = this.local.resolve({ ...query, name }, signal);
      if (own === undefined) continue;
      const before = chain.recordsBefore(name);
      if (!('then' in own)) return this.joined(query, before, own);
      // Where the name is none of ours any more, it leads elsewhere.
      return own.then((given) => (given === undefined ? answer : this.joined(query, before, given)));
    }
    return rememberedElsewhere(answer, changes);
  }

  /** Whether any CNAME record is for a name of ours, be it out of order; or there are too many to tell. */
  private mayLeadHere(answer: MessageAnswer): boolean {
    const { message } = answer;
    let start = questionEndOf(answer);
    let aliases = 0;
    for (let left = answerCountOf(answer); left > 0; left--) {
      const typeAt = skipName(message, start);
      if (typeAt === undefined || typeAt + 10 > message.length) return false;
      start = typeAt + 10 + readUint16(message, typeAt + 8);
      if (readUint16(message, typeAt) !== RecordType.CNAME) continue;
      aliases += 1;
      const target = presentationAt(message, typeAt + 10);
      if (aliases > LONGEST_CHAIN || (target !== undefined && this.local.answersFor(target))) return true;
    }
    return false;
  }

  /** The records of the upstream that lead to a name of ours, and our answer for that; refusals as they are. */
  private joined(query: DnsQuery, before: readonly ResourceRecord[], own: DnsAnswer): DnsAnswer {
    if ('message' in own || own.wantsProof === true) return own;
    const { rcode, answers = [], authorities = [] } = own;
    if (rcode !== Rcode.NoError && rcode !== Rcode.NameError) return own;
    // Without a lease: the upstream's part ages, and the unikernel's uses have to be counted.
    const answer = { rcode, answers: [...before, ...answers], authorities };
    return this.scrubber.guards(query.name) ? this.withoutInside(query, answer) : answer;
  }

  private withoutInside(query: DnsQuery, answer: RecordsAnswer): DnsAnswer {
    const whole = writeResponse({ ...query, client: { ...query.client, transport: 'inject' } }, answer, false);
    const scrubbed = this.scrubber.scrub(
      query.name,
      whole,
      sectionsOf(whole) as MessageSections,
      new MessageNames(whole),
    );
    return typeof scrubbed === 'string'
      ? { rcode: Rcode.ServerFailure }
      : new ParsedAnswer(scrubbed.message, scrubbed.sections);
  }
}

/** False for nearly all answers: those without records, and those that begin with a record that was asked for. */
function mayBeginWithAlias({ type }: DnsQuery, answer: MessageAnswer): boolean {
  const { message } = answer;
  if (readUint16(message, 6) === 0) return false;
  const end = questionEndOf(answer);
  const isOfQuestion = readUint16(message, end) === (0xc000 | HEADER_LENGTH);
  return !(isOfQuestion && readUint16(message, end + 2) === type);
}

/** All answers of a cached message share its summary, so that its names are read once. */
function rememberedElsewhere(answer: MessageAnswer, changes: number): MessageAnswer {
  // Of a long message, this may be the beginning alone.
  const isWhole = answer instanceof CheckedAnswer && answer.message.length >= answer.summary.end;
  if (isWhole) answer.summary.leadsElsewhere = changes;
  return answer;
}

/** The CNAME records of a message that lead on from the name of its question. */
class AliasChain {
  private readonly message: Uint8Array;
  private readonly names: MessageNames;
  private readonly records: readonly RecordSpan[];
  /** The target of each name that is an alias. */
  private readonly aliases = new Map<string, string>();

  constructor(answer: MessageAnswer) {
    this.message = answer.message;
    this.names = answer instanceof ParsedAnswer ? answer.names : new MessageNames(answer.message);
    this.records = walkRecords(answer.message, questionEndOf(answer), answerCountOf(answer)) ?? [];
    for (const { start, typeAt, type } of this.records) {
      if (type !== RecordType.CNAME) continue;
      const [owner, target] = [this.names.at(start), this.names.at(typeAt + 10)];
      if (owner !== undefined && target !== undefined) this.aliases.set(owner, target);
    }
  }

  /** The names to which they lead, in order and in presentation form. */
  *targets(): Iterable<string> {
    let name = this.names.at(HEADER_LENGTH);
    for (let step = 0; step < LONGEST_CHAIN; step++) {
      name = name === undefined ? undefined : this.aliases.get(name);
      if (name === undefined) return;
      yield presentationOf(name);
    }
  }

  /** The records by which they lead to this target. */
  recordsBefore(target: string): ResourceRecord[] {
    const before = new Set<string>();
    let name = this.names.at(HEADER_LENGTH);
    while (name !== undefined && presentationOf(name) !== target && before.size < LONGEST_CHAIN) {
      before.add(name);
      name = this.aliases.get(name);
    }
    return this.records.flatMap((record) => {
      const owner = this.names.at(record.start);
      return owner !== undefined && this.isOnTheWay(record, owner, before) ? [this.copy(record, owner)] : [];
    });
  }

  private isOnTheWay({ typeAt, type }: RecordSpan, owner: string, before: ReadonlySet<string>): boolean {
    const covered = type === RecordType.RRSIG ? readUint16(this.message, typeAt + 10) : type;
    if (covered === RecordType.CNAME) return before.has(owner);
    // The CNAME records below a DNAME record are made of it, and it alone is signed (RFC 6672).
    return covered === RecordType.DNAME && [...before].some((name) => isWithin(name, owner));
  }

  private copy(record: RecordSpan, owner: string): ResourceRecord {
    const { typeAt, type } = record;
    const head = { name: presentationOf(owner), ttl: Buffer.from(this.message).readUInt32BE(typeAt + 4) };
    if (type !== RecordType.CNAME) return { ...head, type, data: dataOf(this.message, record, this.names) };
    return { ...head, type: 'CNAME', target: presentationOf(this.names.at(typeAt + 10) as string) };
  }
}

function questionEndOf(answer: MessageAnswer): number {
  return answer instanceof CheckedAnswer ? answer.summary.questionEnd : (endOfQuestion(answer.message) as number);
}

/** Of a long message, a client over UDP may have been given the beginning alone. */
function answerCountOf(answer: MessageAnswer): number {
  const isCut = answer instanceof CheckedAnswer && answer.message.length < answer.summary.end;
  return isCut ? (answer.cuts.at(-1)?.answerCount ?? 0) : readUint16(answer.message, 6);
}

/** A name in the form of `readName` in presentation form. */
function presentationOf(name: string): string {
  return (decodeName(Buffer.from(name, 'latin1'), 0) as { name: string }).name;
}
