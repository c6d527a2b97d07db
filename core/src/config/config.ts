import { z } from 'zod';
import { knownPlugins } from '../plugins/known-plugins.js';
import { bootSchema } from './boot.js';
import { dnsSchema } from './dns.js';
import { privilegesSchema } from './privileges.js';
import { relaySchema } from './relay.js';
import { stopSchema } from './stop.js';
import { trafficSchema } from './traffic.js';
import type { BackendOptions, UnikernelConfig } from './unikernel.js';
import type { Immutable } from './values.js';
import { wakeSchema } from './wake.js';

const text = z.string().min(1);

/** A key whose entries are named after contributions. The plugin of each entry describes the keys below it. */
function configured(description: string) {
  return z.record(z.string(), z.record(z.string(), z.unknown())).prefault({}).describe(description);
}

/**
 * Every key of the configuration except `unikernels`, whose entries have their own schemas, and the keys below
 * `backends`, `activitySources`, `doormen`, `notifiers`, `resolvers` and `state`, which plugins describe. Parsed durations are in milliseconds.
 */
export const configSchema = z.strictObject({
  plugins: z
    .array(text, "A list of plugins such as ['my-plugin'] expected.")
    .prefault([])
    .describe('Plugins to load besides those of the backends: short names, package names or paths'),
  dns: dnsSchema.prefault({}).describe('The DNS server'),
  wake: wakeSchema.prefault({}).describe('Whose queries may boot a unikernel'),
  boot: bootSchema.prefault({}).describe('How unikernels boot'),
  stop: stopSchema.prefault({}).describe('How unikernels stop'),
  traffic: trafficSchema.prefault({}).describe('What counts as use of a unikernel, besides queries'),
  relay: relaySchema.prefault({}).describe('How connections are relayed to unikernels that have a relay'),
  state: z
    .looseObject({
      use: text.optional().describe('The state store; sqlite with a path, memory without one, where absent'),
      path: text.optional().describe('The folder of the durable store, relative to this file; in memory where absent'),
      required: z
        .boolean()
        .prefault(false)
        .describe(
          'Whether Jitsu ends where its store cannot be opened; else it goes on, remembers in memory, and warns',
        ),
    })
    .prefault({})
    .describe('What is remembered'),
  control: z
    .strictObject({ socket: text.optional().describe('The control socket, relative to this file') })
    .prefault({})
    .describe('How `jitsu status` and its like reach the running Jitsu'),
  runtimeDirectory: text
    .optional()
    .describe('A folder for what belongs to running machines; it should not outlive a reboot'),
  privileges: privilegesSchema.prefault({}),
  log: z
    .strictObject({
      level: z.enum(['debug', 'info', 'warn', 'error', 'silent']).prefault('info').describe('The least that is logged'),
      format: z
        .enum(['auto', 'text', 'json', 'journal'])
        .prefault('auto')
        .describe(
          'How it is written: `text` for people, `json`, one object a line, or `journal`, lines for systemd with their level; `auto` is text on a terminal, journal where standard error leads to it, else json',
        ),
    })
    .prefault({})
    .describe('The log'),
  backend: text.prefault(() => knownPlugins().defaultBackend).describe('The backend of unikernels that name none'),
  backends: z
    .record(
      z.string(),
      z.looseObject({
        use: text.optional().describe('The backend that this is a connection of; its own name where absent'),
      }),
    )
    .prefault({})
    .describe('Connections by name, each with the settings of its backend'),
  activitySources: configured('What else knows the traffic to unikernels, each with its settings'),
  doormen: configured('What holds first packets for unikernels that do not run, each with its settings'),
  notifiers: configured('Notifiers that are on, each with its settings'),
  resolvers: configured('Further resolvers that are on, each with its settings'),
});

/** The checked configuration without its unikernels. */
export type CheckedConfig = z.output<typeof configSchema>;

/** The content of a configuration file. Every key is optional; docs/reference/configuration.md lists them. */
export interface JitsuConfig extends Immutable<Omit<z.input<typeof configSchema>, 'backend'>> {
  /** The backend of unikernels that do not name one. */
  readonly backend?: keyof BackendOptions | (string & {});
  /** What is summoned. */
  readonly unikernels?: readonly UnikernelConfig[];
}

/** The possible exports of a configuration file. */
export type ExportedConfig = JitsuConfig | Promise<JitsuConfig> | (() => JitsuConfig | Promise<JitsuConfig>);

/**
 * Types a configuration, so that editors can complete its keys.
 *
 * ```ts
 * export default defineConfig({
 *   unikernels: [{ name: 'hello', dns: 'hello.jitsu.test', ip: '127.0.0.80', backend: 'process', command: ['node', 'x.js'] }],
 * });
 * ```
 */
export function defineConfig(config: ExportedConfig): ExportedConfig {
  return config;
}
