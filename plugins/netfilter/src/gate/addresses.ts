import { hexDigits } from '../netlink/read-address.js';

/** The 4 or 16 bytes of an address, which is one. */
export function bytesOf(address: string): Buffer {
  return Buffer.from(hexOf(address), 'hex');
}

/** An address in hexadecimal digits, as the gate knows it. */
export const hexOf = hexDigits;

/** The text of an address in hexadecimal digits (RFC 5952). */
export function textOf(hex: string): string {
  const bytes = Buffer.from(hex, 'hex');
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(2 * index).toString(16));
  const text = groups.join(':');
  const zeros = [...text.matchAll(/(?:^|:)0(?::0)+(?=:|$)/g)].map(([run]) => run);
  const longest = zeros.reduce((best, run) => (countOf(run) > countOf(best) ? run : best), '');
  if (longest === '') return text;
  const at = text.indexOf(longest);
  const [before, behind] = [text.slice(0, at), text.slice(at + longest.length)];
  return `${before}::${behind.replace(/^:/, '')}`;
}

/** The number of zeros in a run such as `:0:0`. */
function countOf(run: string): number {
  return run.split('0').length - 1;
}
