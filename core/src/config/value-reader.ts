import { z, type core } from 'zod';
import { shortCutOf, type ShortCut } from './short-cut.js';

/** What a value became. */
export interface Reading {
  readonly data: unknown;
}

/** How many values are remembered: what many unikernels share is one of few. */
const REMEMBERED = 1_000;

/**
 * Makes of a value what its schema makes of it, and asks the schema but once for values that come again: the same words,
 * or the same list of words, give the same object, however many unikernels have them.
 */
export class ValueReader {
  readonly #shortCut: ShortCut | undefined;
  /** Of a schema that gives a default, and checks nothing of it. */
  readonly #default: core.$ZodDefaultDef | undefined;
  readonly #readings = new Map<unknown, Reading>();
  readonly #listReadings = new Map<string, Reading>();
  #latestList: { readonly list: readonly string[]; readonly reading: Reading } | undefined;

  constructor(private readonly schema: core.$ZodType) {
    this.#shortCut = shortCutOf(schema);
    this.#default = defaultOf(schema);
  }

  /** `undefined` where the schema finds fault. */
  read(value: unknown): Reading | undefined {
    if (this.#shortCut !== undefined) {
      const data = this.#shortCut(value);
      return data === undefined ? this.#parse(value) : { data };
    }
    if (isScalar(value)) return this.#remembered(this.#readings, value, value);
    if (isTextList(value)) return this.#ofList(value);
    // Read anew each time: it may be made for each.
    if (value === undefined && this.#default !== undefined) return { data: this.#default.defaultValue };
    return this.#parse(value);
  }

  #ofList(list: readonly string[]): Reading | undefined {
    const { list: latest, reading: known } = this.#latestList ?? {};
    if (latest?.length === list.length && list.every((word, index) => word === latest[index])) return known;
    const reading = this.#remembered(this.#listReadings, JSON.stringify(list), list);
    if (reading !== undefined) this.#latestList = { list, reading };
    return reading;
  }

  #remembered<Key>(readings: Map<Key, Reading>, key: Key, value: unknown): Reading | undefined {
    const known = readings.get(key);
    if (known !== undefined) return known;
    const reading = this.#parse(value);
    if (reading !== undefined && readings.size < REMEMBERED) readings.set(key, reading);
    return reading;
  }

  #parse(value: unknown): Reading | undefined {
    const result = z.safeParse(this.schema, value);
    return result.success ? result : undefined;
  }
}

function defaultOf({ _zod: { def } }: core.$ZodType): core.$ZodDefaultDef | undefined {
  return def.type === 'default' && (def.checks ?? []).length === 0 ? (def as core.$ZodDefaultDef) : undefined;
}

/** Zero is left out, since a map takes it for minus zero. */
function isScalar(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'boolean' || (typeof value === 'number' && value !== 0);
}

function isTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((word) => typeof word === 'string');
}
