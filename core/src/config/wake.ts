import { z } from 'zod';
import { parseNetworks } from '../net/networks.js';
import { duration } from '../plugin-kit/duration.js';
import { networks, type Immutable } from './values.js';

const HOURS = "A span of the day such as '07:00-22:30' expected; it may pass midnight.";
const LOCAL = ['loopback', 'private'].flatMap((word) => parseNetworks(word) ?? []);

/** When the answer for one that is down goes out. */
const answer = z.enum(['ready', 'at-once']);

/** What wakes. */
const trigger = z.enum(['query', 'connection']);

export type WakeTrigger = z.output<typeof trigger>;

const AT_ONCE =
  'at once where something holds the first packets of its clients until it is ready, and its address is configured';

/** What of `wake` one unikernel may have of its own. */
export const ownWakeSchema = z.strictObject({
  answer: answer.optional().describe('Overrides wake.answer'),
  on: trigger.optional().describe('Overrides wake.on'),
});

/** The key `wake`. */
export const wakeSchema = z
  .strictObject({
    answer: answer
      .prefault('ready')
      .describe(`When the answer for a unikernel that is down goes out: when it is ready, or ${AT_ONCE}`),
    on: trigger
      .prefault('query')
      .describe(
        'What boots a unikernel: a query as well as a connection, or only a connection, where something holds its first packets; queries are then answered at once',
      ),
    proof: z
      .enum(['none', 'cookie-or-tcp'])
      .optional()
      .describe(
        'What shows that a query comes from where it seems to: a DNS cookie or TCP, or nothing is asked for. ' +
          'Where absent, all but loopback and private networks need the proof',
      ),
    trusted: networks(
      'Networks that need no proof; where absent, none, or by default loopback and private networks',
    ).optional(),
    allow: networks('Whose queries may wake').prefault(['any']),
    deny: networks('Whose queries may not, although they are allowed').prefault([]),
    types: z
      .array(z.enum(['A', 'AAAA', 'HTTPS', 'SVCB']))
      .prefault(['A', 'AAAA', 'HTTPS', 'SVCB'])
      .describe('The types of queries that may wake'),
    hours: z
      .array(z.string({ error: HOURS }).regex(/^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$/, HOURS))
      .prefault([])
      .describe('When queries may wake, in local time, as spans such as 07:00-22:30; always where empty'),
    budget: z
      .strictObject({
        perClient: z
          .int()
          .min(0)
          .prefault(0)
          .describe('Boots that one client may cause in the interval; 0 for no limit'),
        perPrefix: z
          .int()
          .min(0)
          .prefault(0)
          .describe('Boots that one network (IPv4 /24, IPv6 /56) may cause in the interval; 0 for no limit'),
        interval: duration('The interval').prefault('1m'),
      })
      .prefault({})
      .describe('How many boots a client or a network may cause'),
    knocks: z
      .strictObject({
        unproven: z
          .int()
          .min(0)
          .prefault(0)
          .describe(
            'Boots a minute that connections from outside `trusted` may cause, all of them together; 0 for none',
          ),
      })
      .prefault({})
      .describe(
        'What first packets of connections may boot, where something holds them; those of `trusted` boot as queries do',
      ),
  })
  // Without `proof`, loopback and private networks are trusted; with it, only `trusted`.
  .transform(({ proof, trusted, ...rest }) => ({
    ...rest,
    proof: proof ?? ('cookie-or-tcp' as const),
    trusted: trusted ?? (proof === undefined ? LOCAL : []),
  }));

/** The checked rules for clients whose queries may boot a unikernel: networks as ADDRESS/LENGTH. */
export type WakeSettings = Immutable<z.output<typeof wakeSchema>>;
