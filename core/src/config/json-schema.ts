import type { ZodObject } from 'zod';
import type { BackendContribution, ConfiguredContribution } from '../contracts/plugin.js';
import type { Contributions } from '../plugins/contributions.js';
import { configSchema } from './config-schema.js';
import { findsAddresses } from './finds-addresses.js';
import { snakeCase } from './letter-case.js';
import { inputSchema, type JsonSchema } from './option-description.js';
import { addresslessSchema, unikernelSchema } from './unikernel-schema.js';

/** The JSON Schema (2020-12) of a configuration file: the core's keys, and those of all plugins that have registered. */
export function jsonSchema({ backends, notifiers, resolvers }: Contributions): JsonSchema {
  const core = inputSchema(configSchema);
  const names = backends.names();
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'The configuration of Jitsu',
    ...core,
    properties: {
      $schema: { type: 'string', description: 'The schema of this file, for editors' },
      ...core.properties,
      notifiers: entries(core.properties?.['notifiers'], notifiers.all()),
      resolvers: entries(core.properties?.['resolvers'], resolvers.all()),
      unikernels: {
        type: 'array',
        description: 'What is summoned',
        items:
          backends.all().length === 0
            ? unikernelOf(undefined, [])
            : { anyOf: backends.all().map((backend) => unikernelOf(backend, names)) },
      },
    },
  };
}

function entries(group: JsonSchema | undefined, contributions: readonly ConfiguredContribution<unknown>[]): JsonSchema {
  const properties = contributions.map(({ name, options }) => [name, described(options)] as const);
  return { ...group, properties: Object.fromEntries(properties) };
}

function described(options: ZodObject): JsonSchema {
  return { ...inputSchema(options), additionalProperties: false };
}

function unikernelOf(backend: BackendContribution | undefined, names: readonly string[]): JsonSchema {
  const common = inputSchema(backend && findsAddresses(backend) ? addresslessSchema : unikernelSchema);
  const own = backend === undefined ? {} : inputSchema(backend.unikernel);
  const properties = { ...common.properties, ...own.properties };
  // A connection may have any name, but not that of another backend.
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
    required: [...new Set([...(common.required ?? []), ...(own.required ?? [])])],
    additionalProperties: backend === undefined,
  };
}
