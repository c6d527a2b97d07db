import assert from 'node:assert/strict';
import { z } from 'zod';
import type { PluginRegistry } from '@jitsud/core/plugin';
import { Contributions } from '#core/plugins/contributions.js';

const policy = (name: string): Parameters<PluginRegistry['stopPolicy']>[0] => ({
  name,
  useClass: class {} as never,
  description: '',
  argument: z.undefined(),
});

describe('the registry', () => {
  it('keeps contributions in the order of registration, and who made them', () => {
    const contributions = new Contributions();
    contributions.register('one', (registry) => {
      registry.stopPolicy(policy('b'));
      registry.stopPolicy(policy('a'));
    });
    assert.deepEqual(contributions.stopPolicies.names(), ['b', 'a']);
    assert.equal(contributions.stopPolicies.ownerOf('a'), 'one');
  });

  it('refuses a name that is taken, and names both plugins', () => {
    const contributions = new Contributions();
    contributions.register('one', (registry) => {
      registry.stopPolicy(policy('a'));
    });
    assert.throws(
      () => {
        contributions.register('two', (registry) => {
          registry.stopPolicy(policy('b'));
          registry.stopPolicy(policy('a'));
        });
      },
      {
        code: 'JITSU_PLUGIN_INVALID',
        message: "two and one both register the stop policy 'a'. Remove one of the two plugins.",
      },
    );
    assert.deepEqual(contributions.stopPolicies.names(), ['a'], 'nothing of a plugin that fails stays');
  });

  it('lets the same name stand for things of different kinds', () => {
    const contributions = new Contributions();
    contributions.register('one', (registry) => {
      registry.stopPolicy(policy('a'));
      registry.bootConfigurator({ name: 'a', useClass: class {} as never });
    });
    assert.deepEqual(contributions.bootConfigurators.names(), ['a']);
  });

  it('refuses the same name twice from one plugin', () => {
    assert.throws(
      () => {
        new Contributions().register('one', (registry) => {
          registry.stopPolicy(policy('a'));
          registry.stopPolicy(policy('a'));
        });
      },
      { code: 'JITSU_PLUGIN_INVALID' },
    );
  });

  it('is closed once register() has returned', () => {
    let kept: PluginRegistry | undefined;
    new Contributions().register('one', (registry) => {
      kept = registry;
    });
    assert.throws(() => kept?.stopPolicy(policy('late')), {
      code: 'JITSU_PLUGIN_INVALID',
      message: /after its register\(\) has returned/,
    });
  });

  it('refuses a key of unikernels that another plugin has added, and keys without a schema', () => {
    const contributions = new Contributions();
    const keys = z.object({ quiet: z.boolean().optional() });
    contributions.register('one', (registry) => registry.unikernelKeys({ keys }));
    assert.throws(() => contributions.register('two', (registry) => registry.unikernelKeys({ keys })), {
      code: 'JITSU_PLUGIN_INVALID',
      message: "two and one both register the unikernel key 'quiet'. Remove one of the two plugins.",
    });
    assert.throws(() => contributions.register('three', (registry) => registry.unikernelKeys({} as never)), {
      code: 'JITSU_PLUGIN_INVALID',
      message: /^three registers the unikernel keys '' without a zod schema in 'keys'/,
    });
    assert.equal(contributions.unikernelKeys.length, 1);
  });

  it('refuses a backend whose default stop mode is none of its stop modes', () => {
    const backend = (defaultStopMode: string) => (registry: PluginRegistry) =>
      registry.backend({
        ...{ name: 'toy', useClass: class {} as never, description: '', unikernel: z.object({}) },
        ...{ stopModes: ['destroy', 'shutdown'], defaultStopMode },
      });
    assert.throws(() => new Contributions().register('one', backend('suspend')), {
      code: 'JITSU_PLUGIN_INVALID',
      message:
        "one registers the backend 'toy' with the default stop mode 'suspend', which is none of its stop modes (destroy, shutdown).",
    });
    new Contributions().register('one', backend('shutdown'));
  });

  it('refuses keys from elsewhere without a sentence each', () => {
    const backend = (foreignKeys: unknown) => (registry: PluginRegistry) =>
      registry.backend({
        ...{ name: 'toy', useClass: class {} as never, description: '', unikernel: z.object({}) },
        foreignKeys: foreignKeys as Record<string, string>,
      });
    for (const wrong of [5, 'x', null, { extra: 5 }]) {
      assert.throws(() => new Contributions().register('one', backend(wrong)), {
        code: 'JITSU_PLUGIN_INVALID',
        message:
          /^one registers the backend 'toy' with .* as foreignKeys, and keys with a sentence each were expected\.$/,
      });
    }
    new Contributions().register('one', backend({ extra: 'Another.' }));
  });

  it('refuses a key of unikernels that a backend has as an option, whichever is registered first', () => {
    const keys = (registry: PluginRegistry): void =>
      registry.unikernelKeys({ keys: z.object({ command: z.string().optional() }) });
    const backend = (registry: PluginRegistry): void =>
      registry.backend({
        ...{ name: 'toy', useClass: class {} as never, description: '' },
        unikernel: z.object({ command: z.string() }),
      });
    const both = (registry: PluginRegistry): void => (backend(registry), keys(registry));
    for (const [first, second, owners] of [
      [keys, backend, ['one', 'two']],
      [backend, keys, ['two', 'one']],
      [() => undefined, both, ['two', 'two']],
    ] as const) {
      const contributions = new Contributions();
      contributions.register('one', first);
      assert.throws(() => contributions.register('two', second), {
        code: 'JITSU_PLUGIN_INVALID',
        message: `The unikernel key 'command' that ${owners[0]} registers is an option of the backend 'toy' of ${owners[1]}. Rename one of the two, or remove one of the plugins.`,
      });
      assert.equal(contributions.unikernelKeys.length + contributions.backends.all().length, first.length);
    }
  });

  it('refuses a contribution that is no object', () => {
    for (const register of ['backend', 'resolver', 'unikernelKeys'] as const) {
      assert.throws(() => new Contributions().register('one', (registry) => registry[register](null as never)), {
        code: 'JITSU_PLUGIN_INVALID',
        message: /^one registers (a backend|a resolver|unikernel keys) as null: an object expected\.$/,
      });
    }
  });

  it('refuses a key of unikernels that one plugin adds twice', () => {
    const contributions = new Contributions();
    const register = (registry: PluginRegistry): void => {
      registry.unikernelKeys({ keys: z.object({ loud: z.string() }) });
      registry.unikernelKeys({ keys: z.object({ quiet: z.string(), loud: z.number() }) });
    };
    assert.throws(() => contributions.register('one', register), {
      code: 'JITSU_PLUGIN_INVALID',
      message: "one registers the unikernel key 'loud' twice.",
    });
    assert.equal(contributions.unikernelKeys.length, 0);
  });

  for (const [flaw, contribution] of Object.entries({
    'a name with a colon': policy('a:b'),
    'no name': { ...policy('a'), name: undefined },
    'no class': { ...policy('a'), useClass: undefined },
    'a function that is no class': { ...policy('a'), useClass: () => ({}) },
    'no schema': { ...policy('a'), argument: { type: 'string' } },
  })) {
    it(`refuses ${flaw}`, () => {
      const contributions = new Contributions();
      assert.throws(
        () => {
          contributions.register('one', (registry) => {
            registry.stopPolicy(contribution as never);
          });
        },
        { code: 'JITSU_PLUGIN_INVALID', message: /^one registers/ },
      );
    });
  }
});
