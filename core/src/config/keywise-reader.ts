import type { core, ZodObject } from 'zod';
import { ValueReader } from './value-reader.js';

type Values = Readonly<Record<string, unknown>>;

/** Objects with the same keys, in the same order. */
interface Kind {
  readonly keys: readonly string[];
  /** The keys that the schema adds where they are absent. */
  readonly added: readonly string[];
}

/** How many combinations of keys are remembered. */
const REMEMBERED = 100;

/**
 * Reads objects key by key as their schema reads them as a whole, which for a million unikernels would take minutes. The
 * schema remains the authority: it reads the first object with any combination of keys, each value that has not come by
 * before, and everything that is unusual.
 */
export class KeywiseReader<Output> {
  readonly #values: ReadonlyMap<string, ValueReader>;
  readonly #kinds = new Map<string, Kind>();
  #latest: Kind | undefined;

  constructor(private readonly schema: ZodObject) {
    const { shape } = schema;
    this.#values = new Map(Object.keys(shape).map((key) => [key, new ValueReader(shape[key] as core.$ZodType)]));
  }

  /** What the schema makes of it; `undefined` where it finds fault, or may. */
  read(values: Values): Output | undefined {
    const keys = Object.keys(values);
    const kind = this.#kindOf(keys);
    return kind === undefined ? this.#learn(keys, values) : this.#readAs(kind, values);
  }

  #readAs({ keys, added }: Kind, values: Values): Output | undefined {
    const output: Record<string, unknown> = {};
    for (const key of keys) {
      const reader = this.#values.get(key);
      if (reader === undefined) continue;
      const reading = reader.read(values[key]);
      if (reading === undefined) return undefined;
      output[key] = reading.data;
    }
    for (const key of added) {
      const reading = this.#values.get(key)?.read(undefined);
      if (reading === undefined) return undefined;
      output[key] = reading.data;
    }
    return output as Output;
  }

  #kindOf(keys: readonly string[]): Kind | undefined {
    const { keys: latest } = this.#latest ?? {};
    if (latest?.length === keys.length && latest.every((key, index) => key === keys[index])) return this.#latest;
    const kind = this.#kinds.get(JSON.stringify(keys));
    if (kind !== undefined) this.#latest = kind;
    return kind;
  }

  #learn(keys: readonly string[], values: Values): Output | undefined {
    const result = this.schema.safeParse(values);
    if (!result.success) return undefined;
    if (this.#kinds.size < REMEMBERED && isKeywise(this.schema, keys)) {
      const added = Object.keys(result.data).filter((key) => !keys.includes(key));
      this.#kinds.set(JSON.stringify(keys), { keys, added });
    }
    return result.data as Output;
  }
}

/** Whether a schema says nothing of the object as a whole, and takes over none of the keys that it does not know. */
function isKeywise({ shape, _zod: { def } }: ZodObject, keys: readonly string[]): boolean {
  if ((def.checks ?? []).length > 0) return false;
  return def.catchall === undefined || keys.every((key) => Object.hasOwn(shape, key));
}
