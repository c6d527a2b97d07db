import { RUNGS } from './netlink/netfilter.js';
import { z } from '@jitsud/core/plugin';

const INTERFACE = 'The name of a bridge expected, such as br0.';

export const doormanOptions = z.strictObject({
  bridges: z
    .array(z.string({ error: INTERFACE }).regex(/^[^\s/]{1,15}$/, INTERFACE))
    .max(64)
    .prefault([])
    .describe(
      'The bridges on which it answers ARP and neighbour solicitations for stopped unikernels with their own MAC addresses, so that their neighbours on the bridge reach them; with any, what crosses bridges is held and counted',
    ),
  probeUsers: z
    .array(z.int().min(0).max(0xffff_fffe))
    .max(16)
    .prefault([])
    .describe(
      'Numbers of users whose packets from this host are never held, for the commands of exec: probes that run as another user than Jitsu',
    ),
  rungs: z
    .array(z.enum(RUNGS))
    .prefault([])
    .describe('The ways in which packets are held, to be tried in this order; by default all, the best first'),
});

export type DoormanOptions = z.infer<typeof doormanOptions>;
