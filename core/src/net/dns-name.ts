import { domainToASCII } from 'node:url';

const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
/** A name that is already in its canonical form, as nearly all are. */
const PLAIN_NAME = new RegExp(`^(?:\\*\\.)?${LABEL.source.slice(1, -1)}(?:\\.${LABEL.source.slice(1, -1)})*$`);
/** Each label takes a length octet on the wire, and the root one more. */
const LONGEST = 255 - 2;

/**
 * A DNS name in canonical form: lower case, no trailing dot, other scripts as IDNA A-labels. Labels have 1 to 63
 * octets, the whole name 255 on the wire (RFC 1035, 2.3.4); a first label of `*` is a wildcard (RFC 4592).
 * @returns undefined for an invalid name
 */
export function parseDnsName(text: string): string | undefined {
  if (text.length <= LONGEST && PLAIN_NAME.test(text)) return text;
  // eslint-disable-next-line no-control-regex -- what is not ASCII is what IDNA is for
  const ascii = /^[\x00-\x7f]*$/.test(text) ? text.toLowerCase() : domainToASCII(text);
  const name = ascii.endsWith('.') ? ascii.slice(0, -1) : ascii;
  if (name.length > LONGEST) return undefined;
  const labels = name.split('.');
  const fixed = labels[0] === '*' ? labels.slice(1) : labels;
  return fixed.length > 0 && fixed.every((label) => LABEL.test(label)) ? name : undefined;
}
