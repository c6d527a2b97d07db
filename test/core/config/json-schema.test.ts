import assert from 'node:assert/strict';
import { describeOptions } from '#core/config/json-schema.js';
import { jsonSchema } from '#core/config/json-schema.js';
import type { JsonSchema } from '#core/config/json-schema.js';
import { Contributions } from '#core/plugins/contributions.js';
import { settingsContext } from '../../support/settings-context.js';

function contributions(): Contributions {
  const result = new Contributions();
  result.register('tests', settingsContext().registerBuiltins);
  return result;
}

function at(schema: JsonSchema | undefined, ...keys: readonly string[]): JsonSchema | undefined {
  return keys.reduce((inner, key) => inner?.properties?.[key], schema);
}

describe('the JSON Schema', () => {
  const schema = jsonSchema(contributions());

  it('describes what may be written, with defaults as they are written', () => {
    assert.equal(at(schema, 'dns', 'ttl')?.default, 60);
    assert.equal(at(schema, 'dns', 'port')?.default, 53);
    assert.deepEqual(at(schema, 'stop', 'onExit')?.enum, ['keep', 'stop']);
    assert.equal(schema.additionalProperties, false);
  });

  it('has a form of unikernel for each backend, with the keys of both', () => {
    const [toy, bare] = at(schema, 'unikernels')?.items?.anyOf ?? [];
    assert.deepEqual(at(toy, 'vcpus')?.description, 'Virtual processors');
    assert.ok(at(toy, 'dns') && at(toy, 'rumprun_config') && at(toy, 'rumprunConfig'));
    assert.deepEqual(toy?.required, ['dns', 'ip']);
    assert.deepEqual(at(toy, 'backend')?.['not'], { enum: ['bare'] });
    assert.equal(at(bare, 'vcpus'), undefined);
  });

  it('describes every key of the core', () => {
    const nameless = (inner: JsonSchema, path: string): readonly string[] =>
      Object.entries(inner.properties ?? {}).flatMap(([key, property]) => [
        ...((property.description ?? '') === '' ? [`${path}.${key}`] : []),
        ...nameless(property.items?.properties === undefined ? property : property.items, `${path}.${key}`),
      ]);
    assert.deepEqual(
      nameless({ properties: { ...schema.properties, unikernels: {} } }, '').filter((path) => path !== '.unikernels'),
      [],
    );
  });
});

describe('the description of options', () => {
  it('says key, word, type and meaning', () => {
    const toy = contributions().backends.get('toy');
    assert.ok(toy);
    const options = describeOptions(toy.unikernel);
    assert.deepEqual(
      options.find(({ key }) => key === 'vcpus'),
      {
        key: 'vcpus',
        word: 'vcpus',
        type: 'whole number',
        required: false,
        description: 'Virtual processors',
        options: [],
      },
    );
    assert.equal(options.find(({ key }) => key === 'rumprunConfig')?.word, 'rumprun_config');
    assert.equal(options.find(({ key }) => key === 'nic')?.type, 'list of text');
  });
});
