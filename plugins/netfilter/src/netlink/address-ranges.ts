import { hexDigits } from './read-address.js';
import type { AddressRange } from './counting-rules.js';

/**
 * The ranges of addresses in networks, apart from each other as sets of nftables want them.
 * @param networks each as ADDRESS/LENGTH; what is none is left out
 */
export function addressRanges(networks: readonly string[]): AddressRange[] {
  const ranges = networks
    .map(rangeOf)
    .filter((range) => range !== undefined)
    .sort((one, other) => one.width - other.width || compare(one.first, other.first) || compare(other.last, one.last));
  const apart: Range[] = [];
  for (const range of ranges) {
    const previous = apart.at(-1);
    if (previous?.width !== range.width || range.first > previous.last + 1n) apart.push({ ...range });
    else if (range.last > previous.last) previous.last = range.last;
  }
  return apart.map(({ width, first, last }) => {
    const behind = last + 1n;
    return {
      first: digits(first, width),
      behind: behind >> BigInt(width * 4) === 0n ? digits(behind, width) : undefined,
    };
  });
}

interface Range {
  /** In hexadecimal digits. */
  readonly width: number;
  readonly first: bigint;
  last: bigint;
}

function rangeOf(network: string): Range | undefined {
  const [, base = '', length = ''] = /^([^/]+)\/(\d{1,3})$/.exec(network) ?? [];
  const address = hexDigits(base);
  const rest = address.length * 4 - Number(length);
  if (address === '' || rest < 0) return undefined;
  const first = (BigInt(`0x${address}`) >> BigInt(rest)) << BigInt(rest);
  return { width: address.length, first, last: first + (1n << BigInt(rest)) - 1n };
}

function compare(one: bigint, other: bigint): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

function digits(value: bigint, width: number): string {
  return value.toString(16).padStart(width, '0');
}
