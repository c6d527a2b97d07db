import { decodeReply } from './dns-message.js';

/** What two servers should agree on, of one reply: everything that does not depend on who gives it. */
export interface ReplyView {
  readonly rcode: string;
  readonly flags: string;
  readonly question: string;
  readonly answers: readonly string[];
  readonly authorities: readonly string[];
  readonly additionals: readonly string[];
  /** Whether there is an OPT record, and DO is set in it. */
  readonly edns: 'none' | 'plain' | 'do';
}

/** Without TTLs, which count down in caches, and without AA, which those do not have. */
export function viewOf(bytes: Uint8Array): ReplyView {
  const reply = decodeReply(bytes);
  const { answers = [], authorities = [], additionals = [], questions = [] } = reply;
  const opt = additionals.find(({ type }) => type === 'OPT');
  const textOf = (records: readonly object[]): string[] =>
    records
      .filter((record) => (record as { type: string }).type !== 'OPT')
      .map((record) => {
        const { name, ttl: _ttl, ...rest } = record as { name: string; ttl: number };
        return JSON.stringify({ name: name.toLowerCase(), ...rest });
      })
      .sort();
  const flags = { qr: reply.flag_qr, tc: reply.flag_tc, rd: reply.flag_rd, ad: reply.flag_ad };
  return {
    rcode: reply.rcode,
    flags: Object.entries(flags)
      .flatMap(([flag, isSet]) => (isSet ? [flag] : []))
      .join(' '),
    question: JSON.stringify(questions),
    answers: textOf(answers),
    authorities: textOf(authorities),
    additionals: textOf(additionals),
    edns: opt?.type !== 'OPT' ? 'none' : opt.flag_do ? 'do' : 'plain',
  };
}
