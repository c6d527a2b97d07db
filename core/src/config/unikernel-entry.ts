import { camelCase } from './letter-case.js';
import { pathText } from './schema-problems.js';

const NONE: readonly string[] = [];

/** One unikernel as it was written, its keys in camelCase, and how to speak of a place in it. */
export class UnikernelEntry {
  readonly values: Readonly<Record<string, unknown>>;
  /** Keys that were given in both spellings. */
  readonly repeated: readonly string[];

  /** @param place its number in the list, or the words in quotes */
  constructor(
    private readonly place: number | string,
    private readonly written: Readonly<Record<string, unknown>>,
  ) {
    const keys = Object.keys(written);
    if (isPlain(written) && keys.every(isCamelCase)) {
      this.values = written;
      this.repeated = NONE;
      return;
    }
    // Not by assignment, which would take a key named __proto__ for the prototype.
    this.values = Object.fromEntries(keys.map((key) => [camelCase(key), written[key]]));
    this.repeated =
      Object.keys(this.values).length === keys.length
        ? NONE
        : keys.filter((key, index) => keys.slice(0, index).some((earlier) => camelCase(earlier) === camelCase(key)));
  }

  /** `unikernels[3]`, or the words in quotes. */
  get origin(): string {
    return this.isWords ? String(this.place) : `unikernels[${String(this.place)}]`;
  }

  /** Whether all values are text. */
  get isWords(): boolean {
    return typeof this.place === 'string';
  }

  /** A path below this entry, in the spelling that was used. */
  pathOf([key, ...rest]: readonly PropertyKey[]): string {
    if (key === undefined) return this.origin;
    const spelled = Object.keys(this.written).find((candidate) => camelCase(candidate) === key) ?? key;
    const below = pathText([spelled, ...rest]);
    return this.isWords ? `${this.origin} → ${below}` : `${this.origin}${below.startsWith('[') ? '' : '.'}${below}`;
  }
}

function isCamelCase(key: string): boolean {
  return camelCase(key) === key;
}

/** Whether it has no keys but its own, as what comes out of a file. */
function isPlain(written: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(written);
  return prototype === Object.prototype || prototype === null;
}
