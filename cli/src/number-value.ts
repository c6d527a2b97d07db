import { InvalidArgumentError } from 'commander';
import type { NumberRange } from './start-options.js';

/** Creates a parser for a flag's number; commander reports a refused value together with the flag. */
export function numberValue({ expected, whole, from, to }: NumberRange): (text: string) => number {
  return (text) => {
    const number = /^\d+(\.\d+)?$|^\.\d+$/.test(text.trim()) ? Number(text) : NaN;
    if (number >= from && number <= to && (!whole || Number.isInteger(number))) return number;
    throw new InvalidArgumentError(`${expected} expected.`);
  };
}
