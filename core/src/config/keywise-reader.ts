import { z, type core, type ZodObject } from 'zod';
import { shortCutOf, type ShortCut } from './values.js';

type Values = Readonly<Record<string, unknown>>;

/** Objects with the same keys, in the same order. */
interface Kind {
  readonly keys: readonly string[];
  /** The keys that the schema reads. */
  readonly read: readonly (readonly [key: string, reader: ValueReader])[];
  /** The keys that the schema adds if they are absent. */
  readonly added: readonly (readonly [key: string, reader: ValueReader])[];
  /** An object with all these keys: filling a copy is many times faster than adding the keys one by one. */
  readonly template: Values;
}

/** The most combinations of keys that are remembered. */
const REMEMBERED_KINDS = 100;

/**
 * Parses objects key by key with the same result as their schema, which would take minutes for a million unikernels.
 * The schema remains the authority: it parses the first object with each combination of keys, each value that is not
 * known yet, and every unusual value.
 */
export class KeywiseReader<Output> {
  readonly #readers: ReadonlyMap<string, ValueReader>;
  readonly #kinds = new Map<string, Kind>();
  #latest: Kind | undefined;

  /** @param isExcluded whether a key is to be withheld from the schema */
  constructor(
    private readonly schema: ZodObject,
    private readonly isExcluded: (key: string) => boolean,
  ) {
    const { shape } = schema;
    this.#readers = new Map(Object.keys(shape).map((key) => [key, new ValueReader(shape[key] as core.$ZodType)]));
  }

  /** The parsed object; `undefined` if the schema refuses it, or may, and if there is an unknown key. */
  read(values: Values): Output | undefined {
    const keys = Object.keys(values);
    const kind = this.#kindOf(keys);
    return kind === undefined ? this.#learn(keys, values) : readAs<Output>(kind, values);
  }

  #kindOf(keys: readonly string[]): Kind | undefined {
    const { keys: latest } = this.#latest ?? {};
    if (latest?.length === keys.length && latest.every((key, index) => key === keys[index])) return this.#latest;
    const kind = this.#kinds.get(JSON.stringify(keys));
    if (kind !== undefined) this.#latest = kind;
    return kind;
  }

  #learn(keys: readonly string[], values: Values): Output | undefined {
    const own = keys.filter((key) => !this.isExcluded(key));
    if (!own.every((key) => this.#readers.has(key))) return undefined;
    const result = this.schema.safeParse(Object.fromEntries(own.map((key) => [key, values[key]])));
    if (!result.success) return undefined;
    // A schema with checks on the object as a whole must parse each object.
    const isKeywise = (this.schema._zod.def.checks ?? []).length === 0;
    if (isKeywise && this.#kinds.size < REMEMBERED_KINDS) {
      const added = Object.keys(result.data).filter((key) => !own.includes(key));
      const template = Object.fromEntries([...own, ...added].map((key) => [key, undefined]));
      this.#kinds.set(JSON.stringify(keys), { keys, read: this.#pairs(own), added: this.#pairs(added), template });
    }
    return result.data as Output;
  }

  #pairs(keys: readonly string[]): Kind['read'] {
    return keys.map((key) => [key, this.#readers.get(key) as ValueReader]);
  }
}

function readAs<Output>({ read, added, template }: Kind, values: Values): Output | undefined {
  const output: Record<string, unknown> = { ...template };
  for (const [key, reader] of read) {
    const reading = reader.read(values[key]);
    if (reading === undefined) return undefined;
    output[key] = reading.data;
  }
  for (const [key, reader] of added) {
    const reading = reader.read(undefined);
    if (reading === undefined) return undefined;
    output[key] = reading.data;
  }
  return output as Output;
}

/** A parsed value. */
interface Reading {
  readonly data: unknown;
}

/** The most values that are remembered: unikernels share only a few. */
const REMEMBERED_VALUES = 1_000;

/**
 * Parses values as their schema does, but calls the schema only once for values that recur: the same text, or the same
 * list of texts, results in the same object for all unikernels.
 */
class ValueReader {
  readonly #shortCut: ShortCut | undefined;
  /** The definition of a schema that has a default without checks on it. */
  readonly #default: core.$ZodDefaultDef | undefined;
  readonly #readings = new Map<unknown, Reading>();
  readonly #listReadings = new Map<string, Reading>();
  #latestList: { readonly list: readonly string[]; readonly reading: Reading } | undefined;

  constructor(private readonly schema: core.$ZodType) {
    this.#shortCut = shortCutOf(schema);
    this.#default = defaultOf(schema);
  }

  /** Returns `undefined` if the schema refuses the value. */
  read(value: unknown): Reading | undefined {
    if (this.#shortCut !== undefined) {
      const data = this.#shortCut(value);
      return data === undefined ? this.#parse(value) : { data };
    }
    if (isScalar(value)) return this.#remembered(this.#readings, value, value);
    if (isTextList(value)) return this.#ofList(value);
    // The default is read each time, since it may be a function that creates a new object.
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
    if (reading !== undefined && readings.size < REMEMBERED_VALUES) readings.set(key, reading);
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

/** Zero is excluded, since a Map does not distinguish it from minus zero. */
function isScalar(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'boolean' || (typeof value === 'number' && value !== 0);
}

function isTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((word) => typeof word === 'string');
}
