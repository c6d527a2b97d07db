import assert from 'node:assert/strict';
import { z } from 'zod';
import { Instances } from '#core/fleet/instances.js';
import type { ConnectionSettings, Settings } from '#core/config/settings.js';
import type { Worded } from '#core/config/worded-reader.js';
import type { Clock } from '#core/contracts/clock.js';
import type { Logger } from '#core/contracts/logger.js';
import type { ReadinessProbe } from '#core/contracts/readiness-probe.js';
import { JitsuError } from '#core/errors.js';
import { inject } from '#core/plugins/injection.js';
import { CLOCK, LOGGER } from '#core/plugins/tokens.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { MemoryLogger } from '../../support/memory-logger.js';

const connection = (useClass: unknown): ConnectionSettings =>
  ({
    name: 'near',
    contribution: { name: 'toy', useClass, description: '', unikernel: z.object({}) },
    options: {},
  }) as ConnectionSettings;

function make(useClass: unknown): unknown {
  const settings = { bootConfigurators: [], runtimeDirectory: '/nowhere' } as unknown as Settings;
  return new Instances(settings, new ManualClock(), new MemoryLogger()).backend(connection(useClass));
}

describe('an instance of a plugin', () => {
  it('whose constructor fails is told by the name that its plugin registers', () => {
    class Failing {
      constructor() {
        throw new Error('no licence');
      }
    }
    assert.throws(() => make(Failing), {
      code: 'JITSU_PLUGIN_INVALID',
      message: "What a plugin registers as 'toy' cannot be made: its constructor fails: no licence",
    });
  });

  it('may refuse to be made by an error of its own', () => {
    class Refusing {
      constructor() {
        throw new JitsuError('JITSU_BACKEND_UNREACHABLE', 'no daemon');
      }
    }
    assert.throws(() => make(Refusing), { code: 'JITSU_BACKEND_UNREACHABLE', message: 'no daemon' });
  });

  it('of any kind gets a logger and a clock', () => {
    const logger = new MemoryLogger();
    const clock = new ManualClock();
    const settings = { bootConfigurators: [], runtimeDirectory: '/nowhere' } as unknown as Settings;
    const got: unknown[] = [];
    class Probe {
      constructor(@inject(LOGGER) logger: Logger, @inject(CLOCK) clock: Clock) {
        got.push(logger, clock);
      }

      async untilReady(): Promise<void> {}
    }
    const contribution = { name: 'probe', useClass: Probe, description: '' };
    const worded = { words: 'probe:1', contribution, options: undefined } as unknown as Worded<ReadinessProbe>;
    new Instances(settings, clock, logger).probe(worded);
    assert.deepEqual(got, [logger, clock]);
  });

  it('that needs root is listed with its reason', () => {
    class Rooted {
      readonly capabilities = { stopModes: [], bootConfigurators: false };
      readonly needsRoot = 'it opens a device';
    }
    const settings = { bootConfigurators: [], runtimeDirectory: '/nowhere' } as unknown as Settings;
    const instances = new Instances(settings, new ManualClock(), new MemoryLogger());
    instances.backend(connection(class extends Rooted {}));
    instances.backend(
      connection(
        class extends Rooted {
          override readonly needsRoot = undefined as never;
        },
      ),
    );
    assert.deepEqual(instances.rootNeeds, [{ name: 'toy', reason: 'it opens a device' }]);
  });

  it('is refused as a backend without a list of stop modes', () => {
    for (const capabilities of [undefined, null, {}, { stopModes: 'destroy' }, { stopModes: [1] }]) {
      class Modeless {
        readonly capabilities = capabilities;
      }
      assert.throws(() => make(Modeless), {
        code: 'JITSU_BACKEND_FAILED',
        message: /^The backend near fails to tell its capabilities: its stop modes are .*, and no list of strings$/,
      });
    }
  });
});
