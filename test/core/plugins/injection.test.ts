import assert from 'node:assert/strict';
import { z } from 'zod';
import { CLOCK, CONNECTION_NAME, inject, LOGGER, optionsOf } from '@jitsud/core/plugin';
import type { Clock, LifecycleEvent, Logger, Notifier, PluginRegistry } from '@jitsud/core/plugin';
import { ManualClock } from '@jitsud/core/testing';
import type { Settings } from '#core/config/settings.js';
import { Instances } from '#core/fleet/instances.js';
import { Contributions } from '#core/plugins/contributions.js';
import { MemoryLogger } from '../../support/memory-logger.js';

const hookOptions = z.object({ url: z.string(), port: z.coerce.number() });
type HookOptions = z.output<typeof hookOptions>;

abstract class Silent implements Notifier {
  async notify(_event: LifecycleEvent): Promise<void> {}
}

class Hook extends Silent {
  constructor(
    @inject(optionsOf(hookOptions)) readonly options: HookOptions,
    @inject(CLOCK) readonly clock: Clock,
    @inject(LOGGER) readonly logger: Pick<Logger, 'info'>,
    @inject(optionsOf(hookOptions)) readonly port: { readonly port: number } | string,
  ) {
    super();
  }
}

/** What the compiler refuses; that none of it compiles is the test. */
function refusedByTheCompiler(): readonly unknown[] {
  class Wrong {
    constructor(
      // @ts-expect-error -- the schema makes a number of it
      @inject(optionsOf(hookOptions)) readonly options: { readonly port: string },
      // @ts-expect-error -- a clock is no text
      @inject(CLOCK) readonly clock: string,
      // @ts-expect-error -- there may be no more of it than the schema gives
      @inject(optionsOf(hookOptions)) readonly more: HookOptions & { readonly path: string },
    ) {}
  }
  class Named {
    constructor(readonly name: string) {}
  }
  // @ts-expect-error -- what a decorator does can be called as a function, and is checked as well
  const marked: unknown = inject(CLOCK)(Named, undefined, 0);
  return [Wrong, marked];
}

function registering(useClass: Parameters<PluginRegistry['notifier']>[0]['useClass'], options = hookOptions) {
  return (): void => {
    new Contributions().register('one', (registry) => {
      registry.notifier({ name: 'hook', useClass, description: '', options });
    });
  };
}

const refused = (message: RegExp): object => ({ code: 'JITSU_PLUGIN_INVALID', message });

describe('injection', () => {
  it('gives a class what the schema has parsed, and what its other tokens stand for', () => {
    registering(Hook)();
    const [clock, logger] = [new ManualClock(), new MemoryLogger()];
    const settings = { runtimeDirectory: '/run/for-tests', bootConfigurators: [] } as unknown as Settings;
    const contribution = { name: 'hook', useClass: Hook, description: '', options: hookOptions };
    const options = { url: 'x', port: 1 };
    const hook = new Instances(settings, clock, logger).configured<Hook>({ contribution, options });
    assert.equal(hook.clock, clock);
    assert.equal(hook.options, options);
    assert.equal(hook.port, options);
    hook.logger.info({}, 'hello');
    assert.deepEqual(logger.entries, [{ level: 'info', message: 'hello', fields: { plugin: 'hook' } }]);
  });

  it('gives the same schema the same token, and each schema its own', () => {
    assert.equal(optionsOf(hookOptions), optionsOf(hookOptions));
    assert.notEqual(optionsOf(hookOptions), optionsOf(z.object({})));
  });

  it('is checked by the compiler', () => {
    assert.equal(typeof refusedByTheCompiler, 'function');
  });

  it('is refused at registration for the options of another schema than the registered one', () => {
    const other = z.object({ url: z.string(), port: z.coerce.number() });
    assert.throws(
      registering(Hook, other),
      refused(
        /^one registers the notifier 'hook' with a class that cannot be made: parameter 1 of its constructor .*optionsOf/,
      ),
    );
  });

  it('is refused for what there is only for other kinds', () => {
    class Connected extends Silent {
      constructor(@inject(CONNECTION_NAME) readonly connection: string) {
        super();
      }
    }
    assert.throws(registering(Connected), refused(/parameter 1 .* CONNECTION_NAME, only CLOCK, LOGGER, /));
  });

  it('is refused where a parameter is not marked', () => {
    class Unmarked extends Silent {
      constructor(readonly clock: Clock) {
        super();
      }
    }
    class HalfMarked extends Silent {
      constructor(
        readonly clock: Clock,
        readonly logger: Logger,
      ) {
        super();
      }
    }
    inject(LOGGER)(HalfMarked, undefined, 1);
    for (const useClass of [Unmarked, HalfMarked]) {
      assert.throws(
        registering(useClass),
        refused(/parameter 1 of its constructor is not marked with @inject\(TOKEN\)/),
      );
    }
  });

  it('is refused where the constructor is inherited, which would be given nothing', () => {
    class Inheriting extends Hook {}
    assert.throws(registering(Inheriting), refused(/inherits its constructor/));
  });
});
