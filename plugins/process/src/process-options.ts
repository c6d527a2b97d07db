import { commandLine } from '@jitsud/core/plugin';
import { z } from 'zod';

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

/** As chmod(1) and umask(1) write it: octal digits. YAML reads 0027 as the number 27, and 0o27 as 23. */
const umask = z
  .string()
  .regex(/^[0-7]{1,4}$/, "Octal digits in quotes, such as '027', expected.")
  .transform((digits) => parseInt(digits, 8) & 0o777);

const limits = z.strictObject({
  files: z
    .number()
    .int()
    .min(4)
    .max(2 ** 30)
    .optional()
    .describe('Files that each of its processes may have open'),
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
    .describe('File with further variables, KEY=VALUE one a line, which is read as Jitsu at each start'),
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
  limits: limits.optional().describe('Limits of the program'),
  noNewPrivileges: z
    .boolean()
    .default(true)
    .describe('Whether executing a file (sudo, set-user-id) gives the program no more privileges; on Linux'),
});

/** The parsed options. */
export type ProcessOptions = z.output<typeof processOptions>;
