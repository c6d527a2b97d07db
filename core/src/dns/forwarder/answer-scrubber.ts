import type { DnsSettings } from '../../config/settings.js';
import { someEmbeddedIpv4 } from '../../net/embedded-ipv4.js';
import { Networks, parseNetworks } from '../../net/networks.js';
import { readUint16 } from '../wire/bytes.js';
import { withoutFirstLabel, type MessageNames } from '../wire/compressed-name.js';
import { ExtendedErrorCode, RecordClass, RecordType } from '../wire/dns-parameters.js';
import { isBelowOneOf } from '../wire/domain-name.js';
import { HEADER_LENGTH, HeaderFlag } from '../wire/header.js';
import { sectionsOf, type MessageSections, type RecordSpan } from '../wire/message-sections.js';
import { extendedErrorOption } from '../wire/opt-record.js';
import { copyRecord, hasValidData, holdsAddress, visitNames } from '../wire/record-data.js';
import { WireWriter } from '../wire/wire-writer.js';

/** What was found in the answers of upstreams since the start. */
export interface UpstreamAnswerCounts {
  /** Answers that were malformed, after which the next upstream was asked. */
  readonly malformed: number;
  /** Answers of which records were dropped that have nothing to do with the question. */
  readonly scrubbed: number;
  /** Answers of which private or loopback addresses were dropped (`dns.rebindProtection`). */
  readonly rebinding: number;
}

/** A message without what was dropped of it. */
export interface ScrubbedAnswer {
  readonly message: Uint8Array;
  readonly sections: MessageSections;
}

/** As many addresses as fit into the longest message, whose records are the shortest of all that say something. */
const MOST_RECORDS = 4_094;

/** Far more than a zone has name servers, or a denial proofs: each owner of these is looked up among the names of the chain. */
const MOST_AUTHORITIES = 1_024;

/** Servers that put their OPT record elsewhere than at the end have a few addresses behind it. */
const MOST_BEHIND_OPT = 500;

/**
 * The most records that are written anew, and the bytes of their names and these names' ends: far more than an honest
 * answer has. Each record that the message has takes some of these bytes away, as it has cost to look at it.
 */
const MOST_REBUILT = 400;
const MOST_EFFORT = 60_000;
const RECORD_EFFORT = 15;

/** The most names that the names of one chain have above them. */
const MOST_ABOVE = 1_000;

/** A longer chain of CNAME records is no answer: resolvers follow 8 to 16. */
const LONGEST_CHAIN = 32;

const LONGEST_MESSAGE = 65_535;

const TOO_MANY_RECORDS = 'it has too many records';
const TOO_MANY_NAMES = 'it has too many names';
const TOO_MUCH = 'it has too many records to drop some of them';

/** Classes that only questions have (RFC 6895, 3.2): NONE and ANY, and 0. */
const NO_DATA_CLASSES: readonly number[] = [0, 254, 255];

/** Denials and signatures, which only those use who check them: they are kept whatever their owners are. */
const PROOFS: readonly number[] = [RecordType.RRSIG, 47, 50];

/**
 * Addresses by which a name leads into the networks of its client: the unspecified ones mean the client itself, and `::`
 * has 0.0.0.0 in it.
 */
const INSIDE = ['loopback', 'private', '0.0.0.0/8'].flatMap((network) => parseNetworks(network) ?? []);

/** How long it is remembered that nothing was left of an answer, in seconds: the addresses may be right any moment. */
const FILTERED_TTL = 60;

const FILTERED = extendedErrorOption({
  code: ExtendedErrorCode.Filtered,
  text: 'private or loopback addresses were dropped (dns.rebindProtection)',
});

/** Checks what upstreams answer, and drops what does not belong into an answer to the question. */
export class AnswerScrubber {
  readonly counts = { malformed: 0, scrubbed: 0, rebinding: 0 };
  private readonly inside: Networks | undefined;
  private readonly excepted: ReadonlySet<string>;

  constructor({ rebindProtection }: Pick<DnsSettings, 'rebindProtection'>) {
    this.inside = rebindProtection === false ? undefined : new Networks(INSIDE);
    this.excepted = new Set(rebindProtection === false ? [] : rebindProtection.except);
  }

  /**
   * @param asked the name that was asked for, in lower case and presentation form
   * @param sections of the message, whose question is the one that was asked, and its names
   * @returns the message as it is where nothing is to be dropped, or what is malformed in it
   */
  scrub(asked: string, message: Uint8Array, sections: MessageSections, names: MessageNames): ScrubbedAnswer | string {
    const { records, authorityCount, behindOpt } = sections;
    const isTooMuch =
      records.length > MOST_RECORDS || authorityCount > MOST_AUTHORITIES || behindOpt.length > MOST_BEHIND_OPT;
    const problem = isTooMuch ? TOO_MANY_RECORDS : problemOf(message, sections, names);
    const whole = problem ?? this.relevant(asked, message, sections, names);
    if (typeof whole === 'string') this.counts.malformed += 1;
    return whole;
  }

  /** Whether addresses inside are dropped from the answers for this name, in lower case and presentation form. */
  guards(asked: string): boolean {
    return this.inside !== undefined && !isBelowOneOf(asked, this.excepted);
  }

  private relevant(
    asked: string,
    message: Uint8Array,
    sections: MessageSections,
    names: MessageNames,
  ): ScrubbedAnswer | string {
    const isGuarded = this.guards(asked);
    const isWhole = isPlain(message, sections);
    if (!isGuarded && isWhole) return { message, sections };
    const all = [...sections.records, ...sections.behindOpt];
    const kept = isWhole ? new Uint8Array(all.length).fill(1) : relevantRecords(message, sections, all, names);
    if (typeof kept === 'string') return kept;
    const isScrubbed = kept.includes(0);
    if (isScrubbed) this.counts.scrubbed += 1;
    const isFiltered = isGuarded && this.dropInside(message, sections, all, kept, names);
    if (isFiltered) this.counts.rebinding += 1;
    return isScrubbed || isFiltered ? rebuilt(message, sections, all, kept, names, isFiltered) : { message, sections };
  }

  /** Drops the records with addresses inside, and all records if none that was asked for is left. */
  private dropInside(
    message: Uint8Array,
    { answerCount, questionEnd }: MessageSections,
    all: readonly RecordSpan[],
    kept: Uint8Array,
    names: MessageNames,
  ): boolean {
    const isOneInside = (address: Uint8Array): boolean => this.inside?.has(address) === true;
    const isInside = (address: Uint8Array): boolean =>
      isOneInside(address) || (address.length === 16 && someEmbeddedIpv4(address, isOneInside));
    let isFiltered = false;
    for (let index = 0; index < all.length; index++) {
      if (kept[index] === 0 || !holdsAddress(message, all[index] as RecordSpan, names, isInside)) continue;
      kept[index] = 0;
      isFiltered = true;
    }
    if (!isFiltered) return false;
    const wanted = readUint16(message, questionEnd - 4);
    const isLeft = all.some((record, index) => index < answerCount && kept[index] === 1 && isWanted(record, wanted));
    if (!isLeft) kept.fill(0);
    return true;
  }
}

/** The first record that no answer to this question can hold. */
function problemOf(
  message: Uint8Array,
  { records, behindOpt, questionEnd }: MessageSections,
  names: MessageNames,
): string | undefined {
  const asked = readUint16(message, questionEnd - 2);
  const isValid = (record: RecordSpan): boolean => {
    const class_ = readUint16(message, record.typeAt + 2);
    const isOfClass = asked === RecordClass.ANY ? !NO_DATA_CLASSES.includes(class_) : class_ === asked;
    return isOfClass && hasValidData(message, record, names);
  };
  const bad = records.find((record) => !isValid(record)) ?? behindOpt.find((record) => !isValid(record));
  if (bad === undefined) return undefined;
  if (names.isExhausted) return TOO_MANY_NAMES;
  return `a record of type ${bad.type} and class ${readUint16(message, bad.typeAt + 2)} in it is malformed`;
}

/** Whether there are only records that were asked for, of the very name of the question, as in most answers. */
function isPlain(message: Uint8Array, { records, answerCount, behindOpt, questionEnd }: MessageSections): boolean {
  if (records.length > answerCount || behindOpt.length > 0) return false;
  const wanted = readUint16(message, questionEnd - 4);
  if (wanted === RecordType.CNAME) return false;
  return records.every(({ start, typeAt, type }) => {
    const isOfQuestion = typeAt === start + 2 && readUint16(message, start) === (0xc000 | HEADER_LENGTH);
    return isOfQuestion && type === wanted;
  });
}

/** For each record whether it has to do with the question, 1 or 0; or what is malformed about them. */
function relevantRecords(
  message: Uint8Array,
  { records, answerCount, authorityCount, questionEnd }: MessageSections,
  all: readonly RecordSpan[],
  names: MessageNames,
): Uint8Array | string {
  const wanted = readUint16(message, questionEnd - 4);
  const chain = chainOf(records, answerCount, wanted, names);
  if (typeof chain === 'string') return chain;
  const above = new Set<string>();
  for (const name of chain) {
    for (let next: string | undefined = name; next !== undefined && !above.has(next); next = withoutFirstLabel(next)) {
      above.add(next);
    }
    if (above.size > MOST_ABOVE) return TOO_MANY_NAMES;
  }
  const kept = new Uint8Array(all.length);
  const additionalAt = answerCount + authorityCount;
  for (let index = 0; index < additionalAt; index++) {
    const record = records[index] as RecordSpan;
    const owner = names.at(record.start);
    if (names.isExhausted) return TOO_MANY_NAMES;
    if (owner === undefined) continue;
    const isRelevant =
      index >= answerCount
        ? PROOFS.includes(record.type) || above.has(owner)
        : // A DNAME record stands above the names that it leads on (RFC 6672), and so does its signature.
          (isOnTheWay(record, wanted) && chain.has(owner)) || (isOfDname(record) && above.has(owner));
    kept[index] = isRelevant ? 1 : 0;
  }
  if (all.length === additionalAt) return kept;
  // What an answer or another additional record leads to, such as the addresses of a mail server.
  const mentioned = new Set<number>();
  const mention = (offset: number): void => void mentioned.add(names.idAt(offset));
  for (let index = 0; index < all.length; index++) {
    const record = all[index] as RecordSpan;
    if (index >= additionalAt) {
      const owner = names.at(record.start);
      const isMentioned = mentioned.has(names.idAt(record.start));
      kept[index] = owner !== undefined && (isMentioned || chain.has(owner)) ? 1 : 0;
    }
    if (names.isExhausted) return TOO_MANY_NAMES;
    if (kept[index] === 0 || PROOFS.includes(record.type)) continue;
    visitNames(message, record, names, mention);
  }
  return kept;
}

function isOnTheWay(record: RecordSpan, wanted: number): boolean {
  return isWanted(record, wanted) || record.type === RecordType.CNAME || record.type === RecordType.RRSIG;
}

function isOfDname({ type }: RecordSpan): boolean {
  return type === RecordType.DNAME || type === RecordType.RRSIG;
}

/** The name of the question and those to which CNAME records lead from there; or what is wrong with these. */
function chainOf(
  records: readonly RecordSpan[],
  answerCount: number,
  wanted: number,
  names: MessageNames,
): Set<string> | string {
  const aliases = new Map<string | undefined, string>();
  for (let index = 0; index < answerCount; index++) {
    const { start, typeAt, type } = records[index] as RecordSpan;
    if (type === RecordType.CNAME) aliases.set(names.at(start), names.at(typeAt + 10) as string);
    if (names.isExhausted) return TOO_MANY_NAMES;
  }
  const name = names.at(HEADER_LENGTH) as string;
  const chain = new Set([name]);
  for (let next = aliases.get(name); next !== undefined; next = aliases.get(next)) {
    if (chain.has(next)) return 'its CNAME records form a loop';
    if (chain.size === LONGEST_CHAIN) return 'its chain of CNAME records is too long';
    // Who asks for the alias itself is not led on.
    if (wanted === RecordType.CNAME) break;
    chain.add(next);
  }
  return chain;
}

function isWanted({ type }: RecordSpan, wanted: number): boolean {
  return type === wanted || wanted === RecordType.ANY;
}

/** The message with these of its records alone; or why there is none. */
function rebuilt(
  message: Uint8Array,
  { questionEnd, answerCount, authorityCount, opt }: MessageSections,
  all: readonly RecordSpan[],
  kept: Uint8Array,
  names: MessageNames,
  isFiltered: boolean,
): ScrubbedAnswer | string {
  if (kept.reduce((sum, one) => sum + one, 0) > MOST_REBUILT) return TOO_MUCH;
  const mostEffort = MOST_EFFORT - RECORD_EFFORT * all.length;
  const writer = new WireWriter();
  writer.append(message.subarray(0, HEADER_LENGTH));
  writer.wireName(message.subarray(HEADER_LENGTH, questionEnd - 4));
  writer.append(message.subarray(questionEnd - 4, questionEnd));
  const counts = [0, 0, 0];
  for (const [index, record] of all.entries()) {
    if (kept[index] === 0) continue;
    copyRecord(message, record, writer, names);
    if (writer.effort > mostEffort) return TOO_MUCH;
    if (writer.position > LONGEST_MESSAGE) return 'it is too long without its compression';
    const section = index < answerCount ? 0 : index < answerCount + authorityCount ? 1 : 2;
    counts[section] = (counts[section] as number) + 1;
  }
  if (isFiltered && !kept.includes(1)) {
    writeSoa(writer, message.subarray(HEADER_LENGTH, questionEnd));
    counts[1] = 1;
  }
  for (const [section, count] of counts.entries()) writer.patchUint16(6 + 2 * section, count);
  const scrubbed = writer.finish();
  // Nobody has proven what is left (AD), and where nothing is left, there is no data.
  if (isFiltered) scrubbed[3] = (scrubbed[3] as number) & ~HeaderFlag.AuthenticData & 0xf0;
  const filtered = { payloadSize: 0, extendedRcode: 0, version: 0, dnssecOk: false, ...opt, options: FILTERED };
  const keptOpt = isFiltered ? { opt: filtered } : opt && { opt };
  return { message: scrubbed, sections: { ...(sectionsOf(scrubbed) as MessageSections), ...keptOpt } };
}

/**
 * An SOA record of the name in a question, by which it may be remembered that there is no data: who gets none has to ask
 * again each time (RFC 2308, 5).
 */
function writeSoa(writer: WireWriter, question: Uint8Array): void {
  const owner = question.subarray(0, -4);
  writer.wireName(owner);
  writer.uint16(RecordType.SOA);
  writer.append(question.subarray(-2));
  writer.uint32(FILTERED_TTL);
  const lengthAt = writer.position;
  writer.uint16(0);
  writer.wireName(owner);
  writer.name('nobody.invalid');
  for (const number of [1, 3_600, 1_200, 604_800, FILTERED_TTL]) writer.uint32(number);
  writer.patchUint16(lengthAt, writer.position - lengthAt - 2);
}
