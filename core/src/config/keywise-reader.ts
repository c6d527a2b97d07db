import { z, type core, type ZodObject } from 'zod';
import { shortCutOf, type ShortCut } from './values.js';

type Values = Readonly<Record<string, unknown>>;

/** Objects with the same keys, in the same order. */
interface Kind {
  readonly keys: readonly string[];
  /** The keys that the schema reads. */
  readonly read: readonly (readonly [key: string, reader: ValueReader])[];
  /** Those that it adds where they are absent. */
  readonly added: readonly (readonly [key: string, reader: ValueReader])[];
  /** Has all these keys: a copy is filled many times faster than an object that gets them one by one. */
  readonly blank: Values;
}

/** How many combinations of keys are remembered. */
const REMEMBERED_KINDS = 100;

/**
 * Reads objects key by key as their schema reads them as a whole, which for a million unikernels would take minutes. The
 * schema remains the authority: it reads the first object with any combination of keys, each value that has not come by
 * before, and everything that is unusual.
 */
export class KeywiseReader<Output> {
  readonly #readers: ReadonlyMap<string, ValueReader>;
  readonly #kinds = new Map<string, Kind>();
  #latest: Kind | undefined;

  /** @param isOthers tells the keys that the schema is not to see */
  constructor(
    private readonly schema: ZodObject,
    private readonly isOthers: (key: string) => boolean,
  ) {
    const { shape } = schema;
    this.#readers = new Map(Object.keys(shape).map((key) => [key, new ValueReader(shape[key] as core.$ZodType)]));
  }

  /** What the schema makes of it; `undefined` where it finds fault, or may, and where there is a key that is nobody's. */
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
    const own = keys.filter((key) => !this.isOthers(key));
    if (!own.every((key) => this.#readers.has(key))) return undefined;
    const result = this.schema.safeParse(Object.fromEntries(own.map((key) => [key, values[key]])));
    if (!result.success) return undefined;
    // What a schema says of the object as a whole, it must be asked each time.
    const isKeywise = (this.schema._zod.def.checks ?? []).length === 0;
    if (isKeywise && this.#kinds.size < REMEMBERED_KINDS) {
      const added = Object.keys(result.data).filter((key) => !own.includes(key));
      const blank = Object.fromEntries([...own, ...added].map((key) => [key, undefined]));
      this.#kinds.set(JSON.stringify(keys), { keys, read: this.#pairs(own), added: this.#pairs(added), blank });
    }
    return result.data as Output;
  }

  #pairs(keys: readonly string[]): Kind['read'] {
    return keys.map((key) => [key, this.#readers.get(key) as ValueReader]);
  }
}

function readAs<Output>({ read, added, blank }: Kind, values: Values): Output | undefined {
  const output: Record<string, unknown> = { ...blank };
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

/** What a value became. */
interface Reading {
  readonly data: unknown;
}

/** How many values are remembered: what many unikernels share is one of few. */
const REMEMBERED_VALUES = 1_000;

/**
 * Makes of a value what its schema makes of it, and asks the schema but once for values that come again: the same words,
 * or the same list of words, give the same object, however many unikernels have them.
 */
class ValueReader {
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

/** Zero is left out, since a map takes it for minus zero. */
function isScalar(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'boolean' || (typeof value === 'number' && value !== 0);
}

function isTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((word) => typeof word === 'string');
}
