import { duration, type Milliseconds } from '@jitsud/core/plugin';
import { z } from 'zod';

/** The default of the original Jitsu, which also answered when the time was over. */
const DEFAULT_TIMEOUT: Milliseconds = 2_000;

/** XENSTORE_REL_PATH_MAX; in bytes. */
const LONGEST_KEY = 2048;

const KEY =
  "A key below /local/domain/DOMID/ expected, such as 'data/ready', or 'data/ready:5s' to wait for longer than 2 s.";

const timeoutSchema = duration('For how long');

/** A key, relative to the domain's own node, and how long to wait for it. */
export interface KeyWaitOptions {
  readonly key: string;
  readonly timeout: Milliseconds;
}

/** `KEY` or `KEY:DURATION`. No key contains a colon. */
export const keyWaitOptions = z.string({ error: KEY }).transform((text, context): KeyWaitOptions => {
  const [key = '', time, ...more] = text.split(':');
  if (more.length > 0 || key.length > LONGEST_KEY || !/^[\w@-]+(?:\/[\w@-]+)*$/.test(key)) {
    context.addIssue(KEY);
    return z.NEVER;
  }
  if (time === undefined) return { key, timeout: DEFAULT_TIMEOUT };
  const timeout = timeoutSchema.safeParse(time);
  if (timeout.success) return { key, timeout: timeout.data };
  context.addIssue(timeout.error.issues[0]?.message ?? KEY);
  return z.NEVER;
});
