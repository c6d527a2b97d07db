import type { Clock } from '../contracts/clock.js';
import type { Logger } from '../contracts/logger.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import { untilAborted } from '../plugin-kit/until-aborted.js';

/** How long a plugin may take to close what it has opened. */
const CLOSE_LIMIT: Milliseconds = 5_000;

/**
 * Closes what a plugin has opened. After the limit it is left to itself, with a warning: what hangs must not keep Jitsu
 * from closing the rest. Rejects as `close` does.
 *
 * @param what completes "... has not been closed"
 */
export async function limitedClose(
  what: string,
  close: () => void | Promise<void>,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
  limit = CLOSE_LIMIT,
): Promise<void> {
  const limited = new AbortController();
  using _limit = clock.after(limit, () => limited.abort());
  try {
    await untilAborted(Promise.resolve(close()), limited.signal);
  } catch (error) {
    if (!limited.signal.aborted) throw error;
    logger.warn({}, `${what} has not been closed within ${limit / 1_000} s, and Jitsu ends without it`);
  }
}
