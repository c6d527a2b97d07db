import { z, type ZodObject } from 'zod';
import type { BackendContribution, ConfiguredContribution } from '../contracts/plugin.js';
import type { Contributions } from '../plugins/contributions.js';
import { configSchema } from './config.js';
import { snakeCase } from './key-case.js';
import { addedKeys, addresslessSchema, unikernelSchema } from './unikernel.js';

/** The JSON Schema (2020-12) of a configuration file: the keys of the core and of all registered plugins. */
export function jsonSchema(contributions: Contributions): JsonSchema {
  const { backends, activitySources, doormen, notifiers, resolvers, stateStores } = contributions;
  const added = addedKeys(contributions);
  const core = inputSchema(configSchema);
  const names = backends.names();
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'The configuration of Jitsu',
    ...core,
    properties: {
      $schema: { type: 'string', description: 'The schema of this file, for editors' },
      ...core.properties,
      activitySources: entries(core.properties?.['activitySources'], activitySources.all()),
      doormen: entries(core.properties?.['doormen'], doormen.all()),
      notifiers: entries(core.properties?.['notifiers'], notifiers.all()),
      resolvers: entries(core.properties?.['resolvers'], resolvers.all()),
      state: stateOf(core.properties?.['state'], stateStores.all()),
      unikernels: {
        type: 'array',
        description: 'What is summoned',
        items:
          backends.all().length === 0
            ? unikernelOf(undefined, [], added)
            : { anyOf: backends.all().map((backend) => unikernelOf(backend, names, added)) },
      },
    },
  };
}

function entries(group: JsonSchema | undefined, contributions: readonly ConfiguredContribution<unknown>[]): JsonSchema {
  const properties = contributions.map(({ name, options }) => [name, described(options)] as const);
  return { ...group, properties: Object.fromEntries(properties) };
}

/** The options of a state store are siblings of its name in `state`. */
function stateOf(group: JsonSchema | undefined, stores: readonly ConfiguredContribution<unknown>[]): JsonSchema {
  const own = stores.flatMap(({ options }) => Object.entries(inputSchema(options).properties ?? {}));
  const properties = { ...Object.fromEntries(own), ...group?.properties };
  return { ...group, properties, additionalProperties: false };
}

function described(options: ZodObject): JsonSchema {
  return { ...inputSchema(options), additionalProperties: false };
}

function unikernelOf(
  backend: BackendContribution | undefined,
  names: readonly string[],
  added: ZodObject['shape'],
): JsonSchema {
  const common = inputSchema((backend?.findsAddresses ? addresslessSchema : unikernelSchema).extend(added));
  const own = backend === undefined ? {} : inputSchema(backend.unikernel);
  const properties = { ...common.properties, ...own.properties };
  // A connection may have any name except that of another backend.
  const others = names.filter((name) => name !== backend?.name);
  return {
    type: 'object',
    ...(backend !== undefined && {
      title: `A unikernel of the backend ${backend.name}`,
      description: backend.description,
    }),
    properties: {
      ...properties,
      ...Object.fromEntries(Object.entries(properties).map(([key, property]) => [snakeCase(key), property])),
      backend: { ...properties['backend'], ...(others.length > 0 && { not: { enum: others } }) },
    },
    // Where a backend needs a name, the first DNS name is one.
    required: [...new Set([...(common.required ?? []), ...(own.required ?? [])])].filter((key) => key !== 'name'),
    additionalProperties: backend === undefined,
  };
}

/** A key of a schema, for help texts and reference pages. */
export interface OptionDescription {
  /** `rumprunConfig` */
  readonly key: string;
  /** The key in `key=value` words: `rumprun_config` */
  readonly word: string;
  /** The type of its values: `text`, `duration`, `number | text`, `list of text`. */
  readonly type: string;
  readonly required: boolean;
  /** Its default as JSON. */
  readonly default?: string;
  readonly description: string;
  /** The keys below it. */
  readonly options: readonly OptionDescription[];
}

/** The subset of JSON Schema (2020-12) that is used here. */
export interface JsonSchema {
  readonly [keyword: string]: unknown;
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly title?: string;
  readonly description?: string;
  readonly additionalProperties?: boolean | JsonSchema;
}

/** The JSON Schema of the input, before it is parsed. */
function inputSchema(schema: z.ZodType): JsonSchema {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', cycles: 'ref' });
  return json as JsonSchema;
}

/** The keys that every unikernel may have, including those that plugins add. */
export function describeUnikernelKeys(contributions: Contributions): readonly OptionDescription[] {
  return describeOptions(unikernelSchema.extend(addedKeys(contributions)));
}

/** The keys of an object schema with their descriptions. */
export function describeOptions(schema: ZodObject): readonly OptionDescription[] {
  return describeProperties(inputSchema(schema));
}

function describeProperties({ properties = {}, required = [] }: JsonSchema): readonly OptionDescription[] {
  return Object.entries(properties).map(([key, property]) => ({
    key,
    word: snakeCase(key),
    type: typeText(property),
    required: required.includes(key),
    ...(property.default !== undefined && !isEmpty(property.default) && { default: JSON.stringify(property.default) }),
    description: property.description ?? '',
    options: describeProperties(property.items?.properties === undefined ? property : property.items),
  }));
}

function typeText(schema: JsonSchema): string {
  if (schema.title !== undefined) return schema.title;
  if (schema.anyOf !== undefined) return [...new Set(schema.anyOf.map(typeText))].join(' | ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  if (schema.items !== undefined) return `list of ${typeText(schema.items)}`;
  const [type] = [schema.type].flat();
  if (type === 'integer') return 'whole number';
  if (type === 'string') return 'text';
  if (type === 'object') return 'group';
  return type ?? 'anything';
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;
}
