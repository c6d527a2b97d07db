import { z } from 'zod';
import type { ServicePort } from '../contracts/service-endpoints.js';
import { duration } from '../plugin-kit/duration.js';

const PORT = "A port such as 'tcp/443' or 'udp/53' expected.";

/** A list of ports, or one. Parsed to a list without duplicates. */
export function servicePorts(description: string) {
  const port = z.string({ error: PORT }).transform((text, context): ServicePort => {
    const parsed = parseServicePort(text);
    if (parsed !== undefined) return parsed;
    context.addIssue({ code: 'custom', message: PORT, continue: true });
    return z.NEVER;
  });
  return z
    .union([port, z.array(port).min(1, PORT)], { error: PORT })
    .transform((given): readonly ServicePort[] => withoutDuplicates([given].flat()))
    .describe(description);
}

/** @returns `undefined` unless it is `tcp/PORT` or `udp/PORT` */
function parseServicePort(text: string): ServicePort | undefined {
  const [, protocol, digits = ''] = /^(tcp|udp)\/(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  return protocol === undefined || port < 1 || port > 65_535
    ? undefined
    : { protocol: protocol as ServicePort['protocol'], port };
}

function withoutDuplicates(ports: readonly ServicePort[]): readonly ServicePort[] {
  return [...new Map(ports.map((port) => [`${port.protocol}/${port.port}`, port])).values()];
}

const OUTGOING = 'Whether connections that a unikernel opens itself (time, updates) keep it running';

/** The key `traffic`. */
export const trafficSchema = z.strictObject({
  idle: duration('How long an open connection keeps a unikernel running after its last payload').prefault(900),
  outgoing: z.enum(['ignore', 'keep']).prefault('ignore').describe(OUTGOING),
  conntrack: z
    .boolean()
    .prefault(false)
    .describe(
      "Whether the kernel's connection tracking may be turned on where nothing else has, to know open connections to virtual machines",
    ),
});

/** The same for one unikernel. */
export const ownTrafficSchema = z.strictObject({
  idle: duration('Overrides traffic.idle').optional(),
  outgoing: z.enum(['ignore', 'keep']).optional().describe('Overrides traffic.outgoing'),
});
