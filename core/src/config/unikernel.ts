import { z, type ZodObject } from 'zod';
import type { Contributions } from '../plugins/contributions.js';
import { awakeHours } from './awake-hours.js';
import { duration } from '../plugin-kit/duration.js';
import { relays } from './relay.js';
import { keepWhile } from './keep-while.js';
import { serviceBindings } from './service-binding.js';
import { replaceMoment, stopMode } from './stop.js';
import { ownTrafficSchema, servicePorts } from './traffic.js';
import { ownWakeSchema } from './wake.js';
import { addresses, dnsNames, timeToLive, type Immutable } from './values.js';

const NAME = 'A name of 1 to 200 printable characters expected.';

const PROBES = "A probe such as 'tcp:8080' or 'http:8080/', or a list of them, expected.";
const NEEDS = 'The name of another unikernel, or a list of names, expected.';
const GROUP = 'The name of a group, of 1 to 200 printable characters, expected.';
const POLICIES = "A policy such as 'keep-alive' or 'max-lifetime:1h', or a list of them, expected.";

function words(expected: string) {
  return z
    .union([z.string(), z.array(z.string(expected), expected)], { error: expected })
    .transform((list): readonly string[] => (typeof list === 'string' ? [list] : list));
}

/** The keys that every unikernel has, whatever its backend. Values may be text, as in `key=value` words. */
export const unikernelSchema = z.object({
  name: z
    .string({ error: NAME })
    .regex(/^[^\p{Cc}]{1,200}$/u, NAME)
    .optional()
    .describe(
      'Its name in Jitsu and, for most backends, in the virtualisation system; its uuid where that is enough, or its first DNS name, where absent',
    ),
  dns: dnsNames('The DNS name or names that summon it; *.example.org stands for every name below example.org'),
  ip: addresses('Its address or addresses, IPv4 or IPv6; may be left out where the backend finds them out'),
  backend: z
    .string()
    .min(1)
    .optional()
    .describe('The backend, or a connection under `backends`; the default one where absent'),
  ready: words(PROBES)
    .optional()
    .describe('When its service answers, as probe or probe:argument, one or a list of which all must be satisfied'),
  ttl: timeToLive('Overrides dns.ttl').optional(),
  mode: stopMode('Overrides stop.mode').optional(),
  responseDelay: duration('A pause after boot and probes, before the answer; overrides boot.delay').optional(),
  deadline: duration('Overrides boot.deadline').optional(),
  grace: duration('Overrides stop.grace').optional(),
  replace: replaceMoment('Overrides stop.replace').optional(),
  watch: duration('How often its service is looked at again by its probes, while it is used; never where absent')
    .refine((interval) => interval >= 1_000, 'At least 1 second expected.')
    .optional(),
  needs: words(NEEDS)
    .transform((names): readonly string[] => [...new Set(names)])
    .optional()
    .describe('The unikernels, by name, that are ready before it boots, and are kept while it runs'),
  group: z
    .string({ error: GROUP })
    .regex(/^[^\p{Cc}]{1,200}$/u, GROUP)
    .optional()
    .describe('The unikernels of a group are woken together, and stopped together when none of them is in use'),
  stopPolicies: words(POLICIES).optional().describe('Overrides stop.policies'),
  wake: ownWakeSchema.optional().describe('When it is answered for, and what wakes it'),
  awake: awakeHours(
    "Hours of the week in which it is not stopped once it runs, whatever its policies say, in local time, one span or a list, such as 'Mon-Fri 08:00-18:00'; they do not start it",
  ).optional(),
  keepWhile: keepWhile(
    'A command that keeps it from being stopped as long as it ends with status 0, asked when all else would stop it: exec:COMMAND',
  ).optional(),
  ports: servicePorts(
    "The ports that are its service, such as 'tcp/443': connections to them keep it running, and wake it where something holds them; those of `ready` where absent",
  ).optional(),
  traffic: ownTrafficSchema.optional().describe('What counts as use of it'),
  relay: relays(
    "Ports at which Jitsu listens for it, and where it relays to, such as 'tcp:8080 -> 127.0.0.1:9000', one or a list: a connection wakes it, and is held until it is ready",
  ).optional(),
  https: serviceBindings(
    'Its HTTPS records, one or a list, as priority, target and parameters; true for `1 .`. A query for them wakes it',
  ).optional(),
  svcb: serviceBindings('Its SVCB records, in the same form').optional(),
});

/** The same for backends that discover the addresses. */
export const addresslessSchema = unikernelSchema.extend({ ip: unikernelSchema.shape.ip.optional() });

/** The names of the built-in keys. */
export const COMMON_KEYS: ReadonlySet<string> = new Set(Object.keys(unikernelSchema.shape));

/** The keys that plugins add to every unikernel. */
export function addedKeys({ unikernelKeys }: Pick<Contributions, 'unikernelKeys'>): ZodObject['shape'] {
  return Object.fromEntries(unikernelKeys.flatMap(({ keys }) => Object.entries(keys.shape)));
}

/**
 * The unikernel options of each backend, for completion in editors. A plugin adds its own:
 *
 * ```ts
 * declare module '@jitsud/core/plugin' {
 *   interface BackendOptions {
 *     sleeper: { readonly seconds: number };
 *   }
 * }
 * ```
 */
export interface BackendOptions {}

/** The keys that plugins add to every unikernel, for completion in editors. A plugin adds its own. */
export interface UnikernelKeys {}

/** The backends whose unikernels may omit `ip`, since the backend discovers the addresses; a plugin adds its own. */
export interface AddressFindingBackends {}

/** The keys that every unikernel has. */
export interface CommonUnikernelConfig
  extends Immutable<Omit<z.input<typeof unikernelSchema>, 'backend'>>, UnikernelKeys {}

type KnownBackend = {
  readonly [Name in keyof BackendOptions]: { readonly backend: Name } & Omit<BackendOptions[Name], 'name'>;
}[keyof BackendOptions];

interface AnyBackend {
  /** The backend, or a connection under `backends`; defaults to the configuration's `backend`. */
  readonly backend?: string;
  readonly [option: string]: unknown;
}

type WithoutAddress = Omit<CommonUnikernelConfig, 'ip'> &
  Partial<Pick<CommonUnikernelConfig, 'ip'>> &
  Extract<KnownBackend, { readonly backend: keyof AddressFindingBackends }>;

/** One unikernel: the common keys, and the options of its backend. */
export type UnikernelConfig = (CommonUnikernelConfig & (KnownBackend | AnyBackend)) | WithoutAddress;
