import { packetThreshold, requiredText, uuid } from '@jitsud/core/plugin';
import { z } from 'zod';
import { disk } from './disk-option.js';
import { memorySize } from './memory-size.js';

const text = (expected: string) =>
  requiredText(expected).refine((value) => !value.includes('\0'), 'No NUL character can be in it.');

/** One value, or an array. */
const several = <T extends z.ZodType>(item: T) =>
  z.union([z.array(item), item]).transform((value): readonly z.output<T>[] => (Array.isArray(value) ? value : [value]));

/** The options of a connection to this host's libxl. */
export const connectionOptions = z.object({
  connect: z
    .literal('xen:///', "libxl is always that of this host: 'xen:///', or nothing, expected.")
    .optional()
    .describe('xen:///, if anything: libxl is that of this host'),
  saves: text('A folder expected.')
    .optional()
    .describe('Folder for the memory of suspended guests; one in `runtimeDirectory` where absent'),
  trafficThreshold: packetThreshold('Packets a minute from which on a guest counts as used'),
});

/** The parsed options. */
export type ConnectionOptions = z.output<typeof connectionOptions>;

const PROCESSORS = 'A number of processors from 1 to 128 expected.';

/** The options of one unikernel that is a guest of Xen. */
export const libxlOptions = z.object({
  name: text('A name expected.')
    // xl takes a number for a domain id, and xenstore would take a slash for a path.
    .regex(/^(?!\d+$)[^/\p{Cc}]{1,200}$/u, 'A name without slashes that is no number expected.')
    .describe('Name of the domain'),
  uuid: uuid().optional().describe('UUID of the domain; made from the name where absent'),
  type: z
    .enum(['pv', 'pvh'], 'pv or pvh expected.')
    .default('pv')
    .describe('Kind of virtualisation: pv (paravirtualised) or pvh (in hardware)'),
  kernel: text('The path of a kernel file expected.').describe('File with the kernel'),
  ramdisk: text('The path of a file expected.').optional().describe('File with the initial ramdisk'),
  memory: memorySize.describe('Memory: 64MiB, or a number of KiB'),
  vcpus: z.coerce
    .number(PROCESSORS)
    .int(PROCESSORS)
    .min(1, PROCESSORS)
    .max(128, PROCESSORS)
    .default(1)
    .describe('Number of virtual processors'),
  cmdline: text('The parameters of the kernel expected.').optional().describe('Parameters passed to the kernel'),
  nic: several(text('The name of a bridge such as br0 expected.'))
    .default([])
    .describe('Network bridge, one or many, one interface of the guest each'),
  script: several(text("The name of a script in Xen's folder of scripts, or its path, expected."))
    .default([])
    .describe('Script that connects a network interface; of several, each interface takes its own, in turn'),
  disk: several(disk)
    .default([])
    .describe('Disk as path@device, one or many: a raw file or a block device, and xvdX, hdX or sdX'),
  rumprunConfig: text('The path of a file expected.')
    .optional()
    .describe("File with the JSON configuration of a rumprun unikernel, as the tool rumprun writes it ('-T')"),
});

/** The parsed options. */
export type LibxlOptions = z.output<typeof libxlOptions>;
