import type { CacheSettings } from '../../config/settings.js';
import { HEADER_LENGTH, HeaderFlag, readFlags } from '../wire/header.js';
import { layoutOf, type MessageLayout, outlineOf, type MessageOutline } from '../wire/message-sections.js';
import type { RecordSpan } from '../wire/record-walk.js';
import { flagsIn, KeyFlag, nameIn } from './cache-key.js';
import { readName } from '../wire/compressed-name.js';
import { readTtl, settleTtls, TTL_AFTER_TYPE } from './record-ttls.js';
import { responseKind, type ResponseKind } from './response-kind.js';
import { soaMinimum } from './soa-data.js';

const OPCODE = 0x7800;

/** A response as it is kept: a copy without an OPT record, without AA, its TTLs settled. */
export interface KeptMessage {
  readonly message: Buffer;
  readonly outline: MessageOutline;
  readonly ttlOffsets: readonly number[];
  /** How long it may be kept, in seconds: no record in it has a lower TTL. */
  readonly ttl: number;
  /** Set where it says that a name does not exist: which, and the SOA record that says so. */
  readonly denial?: { readonly name: string; readonly soa: RecordSpan };
}

/** What a response is good for: `nothing`, a `failure` to be remembered, an `answer` for this time, or one to be kept. */
export type Judgement =
  | { readonly verdict: 'nothing' | 'answer' }
  | { readonly verdict: 'failure'; readonly message: Buffer; readonly outline: MessageOutline }
  | { readonly verdict: 'kept'; readonly kept: KeptMessage };

/**
 * Judges a response to the question of a key, of any bytes: what is malformed, cut or nobody's answer is not kept.
 * @param given what `layoutOf` finds in it
 */
export function judgeMessage(
  key: string,
  message: Uint8Array,
  given: MessageLayout | undefined,
  settings: Pick<CacheSettings, 'longestTtl' | 'negativeTtl'>,
): Judgement {
  const [whole, layout] = joined(message, given);
  if (layout === undefined || !answersKey(key, whole, layout)) return { verdict: 'nothing' };
  const kind = responseKind(whole, layout);
  if (kind.kind === 'other') return { verdict: 'nothing' };
  if (kind.kind === 'unfounded') return { verdict: 'answer' };
  if (kind.kind === 'failure') return { verdict: 'failure', ...questionAlone(whole, layout) };
  const kept = keep(key, whole, layout, kind, settings);
  return kept === undefined ? { verdict: 'answer' } : { verdict: 'kept', kept };
}

/** With what stands behind an OPT record moved to in front of it, where there is any. */
function joined(
  message: Uint8Array,
  layout: MessageLayout | undefined,
): readonly [Uint8Array, MessageLayout | undefined] {
  if (layout === undefined || layout.behindOpt.length === 0) return [message, layout];
  const behind = layout.behindOpt.map(({ start, end }) => message.subarray(start, end));
  const whole = Buffer.concat([message.subarray(0, outlineOf(layout).end), ...behind]);
  const counted = layout.answerCount + layout.authorityCount;
  whole.writeUInt16BE(layout.records.length - counted + behind.length, 10);
  const opt = layout.opt && { opt: layout.opt };
  const moved = layoutOf(whole);
  return [whole, moved && { ...moved, ...opt }];
}

function answersKey(key: string, message: Uint8Array, { questionEnd }: MessageLayout): boolean {
  const flags = readFlags(message);
  const whole = (flags & (HeaderFlag.Response | HeaderFlag.Truncated | OPCODE)) === HeaderFlag.Response;
  const typeAndClass = Buffer.from(message.subarray(questionEnd - 4, questionEnd)).toString('latin1');
  return whole && readName(message, HEADER_LENGTH) === nameIn(key) && typeAndClass === key.slice(-5, -1);
}

function keep(
  key: string,
  original: Uint8Array,
  layout: MessageLayout,
  kind: Exclude<ResponseKind, { kind: 'failure' | 'unfounded' | 'other' }>,
  settings: Pick<CacheSettings, 'longestTtl' | 'negativeTtl'>,
): KeptMessage | undefined {
  const outline = outlineOf(layout);
  const message = cleanCopy(original, outline, flagsIn(key));
  const { records, answerCount } = layout;
  const longest = Math.floor(settings.longestTtl / 1_000);
  if ('soa' in kind) {
    const minimum = soaMinimum(message, kind.soa);
    if (minimum === undefined) return undefined;
    // RFC 2308, 5. NSEC records beside it live no longer (RFC 9077, 3).
    const negative = Math.min(longest, Math.floor(settings.negativeTtl / 1_000), readTtl(message, kind.soa), minimum);
    settleTtls(message, records.slice(0, answerCount), longest);
    settleTtls(message, records.slice(answerCount), negative);
  } else {
    settleTtls(message, records, longest);
  }
  const ttl = records.reduce((lowest, record) => Math.min(lowest, readTtl(message, record)), longest);
  if (ttl === 0) return undefined;
  const ttlOffsets = records.map(({ typeAt }) => typeAt + TTL_AFTER_TYPE);
  const kept = { message, outline, ttlOffsets, ttl };
  return kind.kind === 'no-name' ? { ...kept, denial: { name: kind.name, soa: kind.soa } } : kept;
}

function cleanCopy(original: Uint8Array, outline: MessageOutline, keyFlags: number): Buffer {
  const message = Buffer.allocUnsafe(outline.end);
  message.set(outline.end === original.length ? original : original.subarray(0, outline.end));
  // RFC 6840, 5.8: AD is only for those who ask for it.
  const wantsAd = (keyFlags & (KeyFlag.DnssecOk | KeyFlag.AuthenticData)) !== 0;
  const removed = HeaderFlag.Authoritative | (wantsAd ? 0 : HeaderFlag.AuthenticData);
  message.writeUInt16BE(readFlags(message) & ~removed, 2);
  message.writeUInt16BE(outline.additionalCount, 10);
  return message;
}

function questionAlone(
  original: Uint8Array,
  layout: MessageLayout,
): { readonly message: Buffer; readonly outline: MessageOutline } {
  const { questionEnd } = layout;
  const nothing = { end: questionEnd, answerCount: 0, authorityCount: 0, additionalCount: 0 };
  const outline = { ...outlineOf(layout), ...nothing };
  // Of exactly its own size: what is kept must not keep more than itself in memory.
  const message = Buffer.from(Uint8Array.from(cleanCopy(original, outline, 0)).buffer);
  message.fill(0, 6, HEADER_LENGTH);
  return { message, outline };
}
