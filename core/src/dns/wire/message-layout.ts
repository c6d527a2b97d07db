import { HEADER_LENGTH, readUint16 } from './header.js';
import { readOpt, type OptRecord } from './opt-record.js';
import { readQuestion } from './question.js';
import { RecordType } from './record-type.js';
import { walkRecords, type RecordSpan } from './record-walk.js';

/** Where everything lies in somebody else's response. */
export interface MessageLayout {
  readonly questionEnd: number;
  /** In order: answers, authorities, and the additional records as far as an OPT record. */
  readonly records: readonly RecordSpan[];
  readonly answerCount: number;
  readonly authorityCount: number;
  readonly opt?: OptRecord;
}

/** Finds the parts of a response with one question, in time linear in its length; `undefined` if it is malformed. */
export function layoutOf(message: Uint8Array): MessageLayout | undefined {
  if (message.length < HEADER_LENGTH || readUint16(message, 4) !== 1) return undefined;
  const questionEnd = readQuestion(message)?.end;
  if (questionEnd === undefined) return undefined;
  const [answerCount, authorityCount, additionalCount] = [6, 8, 10].map((offset) => readUint16(message, offset)) as [
    number,
    number,
    number,
  ];
  const records = walkRecords(message, questionEnd, answerCount + authorityCount + additionalCount);
  if (records === undefined) return undefined;

  const optIndex = records.findIndex(({ type }) => type === RecordType.OPT);
  const optSpan = records[optIndex];
  if (optSpan === undefined) return { questionEnd, records, answerCount, authorityCount };
  if (optIndex < answerCount + authorityCount || optSpan.typeAt !== optSpan.start + 1) return undefined;
  const opt = readOpt(message, optSpan.start, optSpan.end);
  if (opt === undefined) return undefined;
  // What stands behind an OPT record could hold pointers to one another, and would break if it were moved.
  return { questionEnd, records: records.slice(0, optIndex), answerCount, authorityCount, opt };
}
