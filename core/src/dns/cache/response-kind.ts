import { HEADER_LENGTH, readRcode } from '../wire/header.js';
import { readUint16 } from '../wire/bytes.js';
import { isWithin, type MessageNames } from '../wire/compressed-name.js';
import type { MessageSections, RecordSpan } from '../wire/message-sections.js';
import { Rcode, RecordType } from '../wire/dns-parameters.js';

/**
 * The meaning of a response.
 *
 * - `positive`: it has records of the queried type.
 * - `no-data`, `no-name`: there are no such records, or no such name, by the SOA record of the zone (RFC 2308, 2).
 *   `name` is the name that this holds for: the last of a chain of CNAME records (RFC 2308, 2.1; RFC 6604, 3).
 * - `unfounded`: the same without an SOA record.
 * - `failure`: SERVFAIL.
 * - `other`: another rcode, malformed names, or a contradiction.
 */
export type ResponseKind =
  | { readonly kind: 'positive' | 'unfounded' | 'failure' | 'other' }
  | { readonly kind: 'no-data' | 'no-name'; readonly soa: RecordSpan; readonly name: string };

/** @param names of the same message */
export function responseKind(message: Uint8Array, sections: MessageSections, names: MessageNames): ResponseKind {
  const rcode = readRcode(message) | ((sections.opt?.extendedRcode ?? 0) << 4);
  if (rcode === Rcode.ServerFailure) return { kind: 'failure' };
  if (rcode !== Rcode.NoError && rcode !== Rcode.NameError) return { kind: 'other' };
  const chain = followChain(message, sections, names);
  if (chain === undefined) return { kind: 'other' };
  if (chain.answered) return { kind: rcode === Rcode.NoError ? 'positive' : 'other' };
  const soa = soaAround(chain.name, sections, names);
  if (soa === undefined) return { kind: 'unfounded' };
  return { kind: rcode === Rcode.NoError ? 'no-data' : 'no-name', soa, name: chain.name };
}

/** The end of the chain of CNAME records from the queried name, and whether it has the queried records. */
function followChain(
  message: Uint8Array,
  { records, answerCount, questionEnd }: MessageSections,
  names: MessageNames,
): { name: string; answered: boolean } | undefined {
  const wanted = readUint16(message, questionEnd - 4);
  const owners = new Set<string>();
  let last: string | undefined;
  const aliases = new Map<string, string>();
  for (let index = 0; index < answerCount; index++) {
    const { start, typeAt, type } = records[index] as RecordSpan;
    const owner = names.at(start);
    if (owner === undefined) return undefined;
    if (type === wanted || wanted === RecordType.ANY) {
      // Nearly all have one owner.
      if (owner !== last) owners.add(owner);
      last = owner;
    } else if (type === RecordType.CNAME) {
      const target = names.at(typeAt + 10);
      if (target === undefined) return undefined;
      aliases.set(owner, target);
    }
  }
  let name = names.at(HEADER_LENGTH);
  for (let step = 0; name !== undefined && step <= aliases.size; step++) {
    if (owners.has(name)) return { name, answered: true };
    const target = aliases.get(name);
    if (target === undefined) return { name, answered: false };
    name = target;
  }
  // The chain is a loop.
  return undefined;
}

/** The SOA record of a zone that contains this name; another zone is not authoritative for it. */
function soaAround(name: string, sections: MessageSections, names: MessageNames): RecordSpan | undefined {
  const { records, answerCount, authorityCount } = sections;
  const soa = records.slice(answerCount, answerCount + authorityCount).find(({ type }) => type === RecordType.SOA);
  const zone = soa && names.at(soa.start);
  return zone !== undefined && isWithin(name, zone) ? soa : undefined;
}
