import { z } from 'zod';
import type { BackendOptions } from './backends.js';
import { duration } from '../plugin-kit/duration.js';
import { serviceBindings } from './service-binding.js';
import { stopMode } from './stop.js';
import { addresses, dnsNames, timeToLive, type Immutable } from './values.js';

const NAME = 'A name of 1 to 200 printable characters expected.';
const YES_OR_NO = 'true, false, 1 or 0 expected.';

const words = z
  .union([z.string(), z.array(z.string())])
  .transform((list): readonly string[] => (typeof list === 'string' ? [list] : list));

const yesOrNo = z
  .union([z.boolean(), z.literal([0, 1, '0', '1', 'true', 'false'])], { error: YES_OR_NO })
  .transform((value) => value === true || value === 1 || value === '1' || value === 'true')
  .meta({ title: 'boolean' });

/** The keys that every unikernel has, whatever its backend. Values may be text, as in `key=value` words. */
export const unikernelSchema = z.object({
  name: z
    .string({ error: NAME })
    .regex(/^[^\p{Cc}]{1,200}$/u, NAME)
    .optional()
    .describe('Its name in Jitsu and, for most backends, in the virtualisation system'),
  dns: dnsNames('The DNS name or names that summon it; *.example.org stands for every name below example.org'),
  ip: addresses('Its address or addresses, IPv4 or IPv6; may be left out where the backend finds them out (xapi)'),
  backend: z
    .string()
    .min(1)
    .optional()
    .describe('The backend, or a connection under `backends`; the default one where absent'),
  ready: words
    .optional()
    .describe('When its service answers, as probe or probe:argument, one or a list of which all must be satisfied'),
  ttl: timeToLive('Overrides dns.ttl').optional(),
  mode: stopMode('Overrides stop.mode').optional(),
  responseDelay: duration('A pause after boot and probes, before the answer; overrides boot.delay').optional(),
  deadline: duration('Overrides boot.deadline').optional(),
  grace: duration('Overrides stop.grace').optional(),
  stopPolicies: words.optional().describe('Overrides stop.policies'),
  useSynjitsu: yesOrNo.optional().describe('Whether Synjitsu is told of it; true where absent'),
  https: serviceBindings(
    'Its HTTPS records, one or a list, as priority, target and parameters; true for `1 .`. A query for them wakes it',
  ).optional(),
  svcb: serviceBindings('Its SVCB records, in the same form').optional(),
  waitForKey: z
    .string()
    .min(1)
    .optional()
    .describe(
      'A xenstore key below /local/domain/DOMID/ to wait for before the answer, for 2 s at most; KEY:5s waits longer',
    ),
});

/** The same where the backend finds out the addresses. */
export const addresslessSchema = unikernelSchema.extend({ ip: unikernelSchema.shape.ip.optional() });

/** The names of the common keys. */
export const COMMON_KEYS: ReadonlySet<string> = new Set(Object.keys(unikernelSchema.shape));

/** The backends whose unikernels may do without `ip`, since they find out the addresses; a plugin adds its own. */
export interface AddressFindingBackends {}

/** The keys that every unikernel has. */
export interface CommonUnikernelConfig extends Immutable<Omit<z.input<typeof unikernelSchema>, 'backend'>> {}

type KnownBackend = {
  readonly [Name in keyof BackendOptions]: { readonly backend: Name } & BackendOptions[Name];
}[keyof BackendOptions];

interface AnyBackend {
  /** The backend, or a connection under `backends`; the default one where absent. */
  readonly backend?: string;
  readonly [option: string]: unknown;
}

type WithoutAddress = Omit<CommonUnikernelConfig, 'ip'> &
  Partial<Pick<CommonUnikernelConfig, 'ip'>> &
  Extract<KnownBackend, { readonly backend: keyof AddressFindingBackends }>;

/** One unikernel: the common keys, and the options of its backend. */
export type UnikernelConfig = (CommonUnikernelConfig & (KnownBackend | AnyBackend)) | WithoutAddress;
