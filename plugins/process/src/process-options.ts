import { byteSize, commandLine, ControlGroups, type Controller } from '@jitsud/core/plugin';
import { z } from 'zod';
import { listenOption } from './listen-option.js';

const VARIABLE = /^[^=\0]+=[^\0]*$/;
const text = z.string().refine((value) => !value.includes('\0'), 'No NUL character can be in it.');

const variable = z.string().regex(VARIABLE, 'A variable such as PORT=8080 expected.');
const variables = z.record(
  z.string().regex(/^[^=\0]+$/, 'A name of a variable expected.'),
  z.union([text, z.number(), z.boolean()], { error: 'A string or a number expected.' }).transform(String),
);
const env = z
  .union([variable, z.array(variable), variables], { error: 'Variables such as { PORT: 8080 } or PORT=8080 expected.' })
  .transform((value): Readonly<Record<string, string>> => {
    if (typeof value === 'object' && !Array.isArray(value)) return value;
    return Object.fromEntries(
      [value].flat().map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
  });

const user = z
  .union([z.string().min(1), z.number().int().nonnegative()], { error: 'The name or number of a user expected.' })
  .transform((value) => (/^\d+$/.test(String(value)) ? Number(value) : value));

const UMASK = "Octal digits in quotes, such as '027', expected.";

/** As chmod(1) and umask(1) write it: octal digits. YAML reads 0027 as the number 27, and 0o27 as 23. */
const umask = z
  .string(UMASK)
  .regex(/^[0-7]{1,4}$/, UMASK)
  .transform((digits) => parseInt(digits, 8) & 0o777);

const SMALLEST_MEMORY = 2 ** 20;
const CPU = "A number of processors such as 0.5 or 2, or a share of one such as '50%', expected.";

/** As CPUQuota= of systemd has it, in percent, or in processors. */
const cpu = z
  .union([z.number(), z.string()], { error: CPU })
  .transform((value, context): number => {
    const [, amount, percent] = /^(\d+(?:\.\d+)?|\.\d+)\s*(%)?$/.exec(String(value).trim()) ?? [];
    const processors = Number(amount) / (percent === undefined ? 1 : 100);
    // The kernel takes no less than 1 ms in 100 ms.
    if (processors >= 0.01 && processors <= 4096) return processors;
    context.addIssue(amount === undefined || processors > 4096 ? CPU : 'At least 0.01 of a processor expected.');
    return z.NEVER;
  })
  .meta({ title: 'processors' });

/** The form of the limits, whether or not this system knows them. */
export const limitsForm = z.strictObject({
  memory: byteSize('What all of its processes together may have in memory, none of it swapped; they end beyond it')
    .refine((bytes) => bytes >= SMALLEST_MEMORY, 'At least 1MiB expected.')
    .optional(),
  cpu: cpu.optional().describe("Time of the processors for all of its processes together: 0.5, 2, or '50%' of one"),
  processes: z
    .number()
    .int()
    .min(1)
    .max(2 ** 22)
    .optional()
    .describe('How many processes and threads it may have'),
  files: z
    .number()
    .int()
    .min(4)
    .max(2 ** 30)
    .optional()
    .describe('Files that each of its processes may have open'),
});

/** The limits of one unikernel. */
export type ProcessLimits = z.output<typeof limitsForm>;

/** What is needed to hold a program to its limits. */
export function controllersOf({ memory, cpu, processes }: ProcessLimits): readonly Controller[] {
  return [
    ...(memory === undefined ? [] : (['memory'] as const)),
    ...(cpu === undefined ? [] : (['cpu'] as const)),
    ...(processes === undefined ? [] : (['pids'] as const)),
  ];
}

const limits = limitsForm.superRefine((value, context) => {
  const controllers = controllersOf(value);
  const lack = controllers.length === 0 ? undefined : new ControlGroups().lackOf(controllers);
  if (lack !== undefined) context.addIssue(lack);
});

const NO_VARIABLES: Readonly<Record<string, string>> = Object.freeze({});

/** The options of one unikernel that is a process. */
export const processOptions = z.object({
  name: z.string('A name expected.').min(1, 'A name expected.').describe('Name of the unikernel'),
  command: commandLine(
    'Program and its arguments; a string is split into words as a shell splits it, but no shell runs',
  ),
  cwd: text
    .min(1, 'A folder expected.')
    .optional()
    .describe("Folder in which the program runs; Jitsu's own where absent"),
  env: env
    .default(() => NO_VARIABLES)
    .describe(
      "Variables added to Jitsu's environment, with a user to a small one: a mapping, or KEY=VALUE, one or many",
    ),
  environmentFile: text
    .min(1, 'A file expected.')
    .optional()
    .describe(
      'File with further variables, KEY=VALUE one a line; read at each start, as its user where another than root could have written it',
    ),
  listen: listenOption
    .optional()
    .describe(
      'Sockets that Jitsu opens, waits at and hands to the program (LISTEN_FDS), so that a connection starts it: tcp:PORT or udp:PORT at the addresses of the unikernel, PROTOCOL:ADDRESS:PORT at another one, =NAME behind it for LISTEN_FDNAMES',
    ),
  user: user
    .optional()
    .describe('User, by name or number, as whom the program runs; Jitsu must be root for another than its own'),
  groups: z
    .union([user, z.array(user)])
    .transform((value) => [value].flat())
    .optional()
    .describe('Further groups of the program, by name or number, such as kvm; Jitsu must be root'),
  umask: umask
    .optional()
    .describe("Permissions that its new files do not get, in octal digits; Jitsu's own where absent"),
  limits: limits.optional().describe('What the program and all that it starts may use'),
  noNewPrivileges: z
    .boolean()
    .default(true)
    .describe('Whether executing a file (sudo, set-user-id) gives the program no more privileges; on Linux'),
});

/** The parsed options. */
export type ProcessOptions = z.output<typeof processOptions>;
