import assert from 'node:assert/strict';
import fc from 'fast-check';
import { z, type ZodObject } from 'zod';
import { KeywiseReader } from '#core/config/keywise-reader.js';
import { addresslessSchema, COMMON_KEYS, unikernelSchema } from '#core/config/unikernel.js';
import { processOptions } from '#process/process-options.js';

const text = fc.oneof(
  fc.constantFrom('a', 'tcp:8080', 'ttl', '1', 'true', '500ms', '2s', '60', '0', '', 'sleep 3600', '"open', 'PORT=1'),
  fc.constantFrom(
    'a.test',
    '*.a.test',
    'A.Test.',
    'a..test',
    '-a.test',
    'bücher.example',
    `${'a'.repeat(63)}.test`,
    '*',
  ),
  fc.constantFrom('192.0.2.1', '192.0.2.01', '2001:DB8:0::1', '::ffff:192.0.2.1', '127.1'),
  fc.string({ maxLength: 4, unit: 'binary' }),
);
const value = fc.oneof(
  { arbitrary: text, weight: 6 },
  fc.array(text, { maxLength: 3 }),
  fc.constantFrom(0, -0, 1, 0.5, 60, -1, 1e21, Number.NaN, Infinity, true, false, null, undefined),
  fc.constantFrom([1], [['a']], {}, { PORT: 8080 }, { 'A=B': 'x' }, []),
);

/** Objects of which each has some of a few keys, so that the same combinations come again. */
function objects(keys: readonly string[]): fc.Arbitrary<readonly Readonly<Record<string, unknown>>[]> {
  const object = fc
    .array(fc.tuple(fc.constantFrom(...keys), value), { maxLength: 4 })
    .map((entries) => Object.fromEntries(entries));
  const usual = fc.record({ name: text, dns: text, ip: text, command: text, ready: text }, { requiredKeys: ['dns'] });
  return fc.array(fc.oneof(object, usual), { minLength: 1, maxLength: 12 });
}

/** As the options are read without a short way: nothing is right that has a key of nobody's. */
function whole(schema: ZodObject, values: object, isOthers: (key: string) => boolean): unknown {
  const own = Object.entries(values).filter(([key]) => !isOthers(key));
  if (!own.every(([key]) => Object.hasOwn(schema.shape, key))) return undefined;
  return schema.safeParse(Object.fromEntries(own)).data;
}

const strict = z.strictObject({
  name: z.string().min(1),
  dns: z.string().or(z.number()).default('none'),
  ready: z.array(z.string()).catch(['caught']).optional(),
  ttl: z.coerce.number().prefault(3),
  wrong: z.never().optional(),
});
const ofTheWhole = z
  .object({ name: z.string().optional(), dns: z.string().optional() })
  .refine(({ name, dns }) => name !== dns, 'Two different ones expected.');

describe('the reading of unikernels key by key', () => {
  for (const [name, schema, isOthers] of [
    ['the common keys', unikernelSchema, (key: string) => !COMMON_KEYS.has(key)],
    ['those of unikernels without addresses', addresslessSchema, (key: string) => !COMMON_KEYS.has(key)],
    ['the options of a process', processOptions, (key: string) => key !== 'name' && COMMON_KEYS.has(key)],
    ['a strict schema with defaults', strict, () => false],
    ['a schema that says something of the whole', ofTheWhole, () => false],
  ] as const) {
    it(`makes of ${name} what their schema makes of them, in whatever order they come`, () => {
      const keys = [...Object.keys(schema.shape), 'name', 'dns', 'nobodys', '__proto__'];
      fc.assert(
        fc.property(objects(keys), (list) => {
          const reader = new KeywiseReader<unknown>(schema, isOthers);
          for (const values of [...list, ...list]) {
            assert.deepStrictEqual(reader.read(values), whole(schema, values, isOthers), JSON.stringify(values));
          }
        }),
        { numRuns: 500 },
      );
    });
  }

  it('asks the schema once for all unikernels that have a value in common', () => {
    let parsed = 0;
    const counted = z.union([z.string(), z.array(z.string())]).transform((given) => {
      parsed += 1;
      return [given].flat();
    });
    const reader = new KeywiseReader<{ command: unknown }>(
      z.object({ name: z.string(), command: counted }),
      () => false,
    );
    const read = (name: string, command: unknown): unknown => reader.read({ name, command })?.command;
    const [, second, third] = ['a', 'b', 'c'].map((name) => read(name, 'sleep'));
    assert.equal(second, third);
    for (let index = 0; index < 10_000; index += 1) read(`n${index}`, 'sleep');
    assert.ok(parsed <= 3, `${parsed} times`);
    const lists = Array.from({ length: 1_000 }, (_, index) => read(`l${index}`, ['sleep', '3600']));
    assert.equal(new Set(lists).size, 1);
    assert.ok(parsed <= 5, `${parsed} times`);
  });

  it('makes a default anew for each', () => {
    let next = 0;
    const schema = z.object({ name: z.string(), number: z.number().default(() => next++) });
    const reader = new KeywiseReader<{ number: number }>(schema, () => false);
    const numbers = ['a', 'b', 'c', 'd'].map((name) => reader.read({ name })?.number);
    assert.equal(new Set(numbers).size, 4);
  });

  it('remembers no more than a bound of what differs, and still reads it', () => {
    const reader = new KeywiseReader<{ user: string }>(z.object({ user: z.string() }), () => false);
    for (let index = 0; index < 5_000; index += 1) assert.equal(reader.read({ user: `u${index}` })?.user, `u${index}`);
  });
});
