import { isIPv4 } from 'node:net';

/** The 4 or 16 bytes of an address, which is one. */
export function bytesOf(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  const bytes = Buffer.alloc(16);
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const [, start = '', ...parts] = dotted ?? [];
  const [a, b, c, d] = parts.map(Number) as [number, number, number, number];
  const text = dotted === null ? address : `${start}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  const [left = '', right = ''] = text.split('::');
  const groups = (half: string): string[] => half.split(':').filter((group) => group !== '');
  groups(left).forEach((group, index) => bytes.writeUInt16BE(parseInt(group, 16), 2 * index));
  const last = groups(right);
  last.forEach((group, index) => bytes.writeUInt16BE(parseInt(group, 16), 16 - 2 * (last.length - index)));
  return bytes;
}

/** An address in hexadecimal digits, as the gate knows it. */
export function hexOf(address: string): string {
  return bytesOf(address).toString('hex');
}

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
