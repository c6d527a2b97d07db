import {
  definePlugin,
  inject,
  JitsuError,
  LOGGER,
  SPAWNER,
  z,
  type Backend,
  type Logger,
  type Machine,
  type PowerState,
  type Registration,
  type Spawner,
} from '@jitsud/core/plugin';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const lateOptions = z.strictObject({
  name: z.string().describe('The name of the machine'),
  id: z.string().describe('Its uuid'),
  takes: z.number().default(0).describe('The milliseconds until it is handed out'),
  after: z.string().default('/').describe('The file without which there is no machine'),
  spawns: z.boolean().default(false).describe('Whether it has something spawned as root'),
});

/** A backend of machines in memory, which come late. */
class LateBackend implements Backend<z.output<typeof lateOptions>> {
  readonly capabilities = { stopModes: ['destroy'], bootConfigurators: false };

  constructor(
    private readonly logger: Logger,
    private readonly spawner: Spawner,
  ) {}

  async connect(): Promise<void> {
    await Promise.resolve();
  }

  async close(): Promise<void> {
    await Promise.resolve();
  }

  async machine({ name, options }: Registration<z.output<typeof lateOptions>>): Promise<Machine> {
    const { id, takes, after, spawns } = options;
    this.logger.info({}, `ASKED for ${name}`);
    await sleep(takes);
    if (!existsSync(after)) throw new JitsuError('JITSU_BACKEND_UNREACHABLE', `There is no ${name} yet.`);
    const launch = { program: '/bin/true', argv0: 'true', words: [], cwd: '/' };
    if (spawns) this.spawner.allow({ key: id, launch: () => launch });
    let state: PowerState = 'off';
    return {
      id,
      describe: async () => ({ state }),
      start: async () => void (state = 'running'),
      stop: async () => void (state = 'off'),
    };
  }
}
inject(LOGGER)(LateBackend, undefined, 0);
inject(SPAWNER)(LateBackend, undefined, 1);

// eslint-disable-next-line no-restricted-exports -- Jitsu takes a plugin from there
export default definePlugin({
  name: 'late',
  apiVersion: '^1.0.0',
  register(registry) {
    registry.backend({ name: 'late', useClass: LateBackend, description: 'For a test', unikernel: lateOptions });
  },
});
