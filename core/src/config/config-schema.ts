import { z } from 'zod';
import { dnsSchema } from './dns-schema.js';
import { duration } from './duration.js';
import { wakeSchema } from './wake-schema.js';

const positive = z.int().min(1);
const options = z.record(z.string(), z.unknown());

const stopMode = z.string().min(1).describe('How to stop: destroy, shutdown, suspend, or what else the backend has');

/**
 * Every key of the configuration but `unikernels`, whose entries have rules of their own, and what lies below `backends`,
 * `notifiers` and `resolvers`, which plugins describe. Parsed, durations are in milliseconds.
 */
export const configSchema = z.strictObject({
  plugins: z
    .array(z.string().min(1))
    .prefault([])
    .describe('Plugins to load besides those of the backends: short names, package names or paths'),
  dns: dnsSchema.prefault({}).describe('The DNS server'),
  wake: wakeSchema.prefault({}).describe('Whose queries may boot a unikernel'),
  boot: z
    .strictObject({
      limit: positive.prefault(8).describe('How many unikernels may boot at once'),
      queue: z.int().min(0).prefault(1_000).describe('How many more may wait for their turn'),
      deadline: duration('How long a summon may take before its askers get SERVFAIL').prefault(30),
      delay: duration('A pause after the boot of a unikernel that has no readiness probes').prefault(0.1),
      firstBackOff: duration(
        'How long a unikernel is left alone after a failed summon; doubles with each further one',
      ).prefault(1),
      longestBackOff: duration('The longest that it is left alone').prefault(300),
    })
    .prefault({})
    .describe('How unikernels boot'),
  stop: z
    .strictObject({
      mode: stopMode.prefault('destroy'),
      grace: duration('How long a guest may take to stop by itself before it is destroyed').prefault(10),
      policies: z
        .array(z.string())
        .prefault(['ttl'])
        .describe('Who decides when a unikernel stops, as name or name:argument; the first with an opinion decides'),
      onExit: z.enum(['keep', 'stop']).prefault('keep').describe('What happens to running unikernels when Jitsu ends'),
    })
    .prefault({})
    .describe('How unikernels stop'),
  state: z
    .strictObject({
      path: z
        .string()
        .min(1)
        .optional()
        .describe('The folder of the durable store, relative to this file; in memory where absent'),
    })
    .prefault({})
    .describe('What is remembered'),
  control: z
    .strictObject({ socket: z.string().min(1).optional().describe('The control socket, relative to this file') })
    .prefault({})
    .describe('How `jitsu status` and its like reach the running Jitsu'),
  runtimeDirectory: z
    .string()
    .min(1)
    .optional()
    .describe('A folder for what belongs to running machines; it should not outlive a reboot'),
  log: z
    .strictObject({
      level: z.enum(['debug', 'info', 'warn', 'error', 'silent']).prefault('info').describe('The least that is logged'),
    })
    .prefault({})
    .describe('The log'),
  backend: z.string().min(1).prefault('libvirt').describe('The backend of unikernels that name none'),
  backends: z
    .record(
      z.string(),
      z.looseObject({
        use: z
          .string()
          .min(1)
          .optional()
          .describe('The backend that this is a connection of; its own name where absent'),
      }),
    )
    .prefault({})
    .describe('Connections by name, each with the settings of its backend'),
  notifiers: z.record(z.string(), options).prefault({}).describe('Notifiers that are on, each with its settings'),
  resolvers: z
    .record(z.string(), options)
    .prefault({})
    .describe('Further resolvers that are on, each with its settings'),
});

/** The configuration but its unikernels, checked. */
export type CheckedConfig = z.output<typeof configSchema>;
