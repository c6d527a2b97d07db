import type { MessageLayout } from './message-layout.js';
import { extendedErrorAmong } from './opt-record.js';

/** All that must be known of a response to pass it on whole. */
export interface MessageOutline {
  readonly questionEnd: number;
  /** Where the last record in front of an OPT record ends. */
  readonly end: number;
  readonly answerCount: number;
  readonly authorityCount: number;
  readonly additionalCount: number;
  /** Whether there are records behind the OPT record, too, which are not counted here. */
  readonly goesOn: boolean;
  /** The upper bits of the rcode (RFC 6891, 6.1.3). */
  readonly extendedRcode: number;
  /** The Extended DNS Error in it, as an EDNS option. */
  readonly extendedError?: Uint8Array | undefined;
}

export function outlineOf(layout: MessageLayout): MessageOutline {
  const { questionEnd, records, behindOpt, answerCount, authorityCount, opt } = layout;
  const extendedError = opt && extendedErrorAmong(opt.options);
  return {
    questionEnd,
    end: records[records.length - 1]?.end ?? questionEnd,
    answerCount,
    authorityCount,
    additionalCount: records.length - answerCount - authorityCount,
    goesOn: behindOpt.length > 0,
    extendedRcode: opt?.extendedRcode ?? 0,
    extendedError,
  };
}
