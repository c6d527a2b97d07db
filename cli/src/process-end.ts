import type { Logger } from '@jitsud/core';
import { surviveTerminals } from '@jitsud/core/control';

/** The end of a server process. */
export interface ProcessEnd {
  /** Resolves with the first signal that requests an orderly shutdown. */
  requested(logger: Logger): Promise<NodeJS.Signals>;
  /** To be called when all is closed: whatever still keeps the process from ending a second later ends by this signal. */
  completed(signal: NodeJS.Signals, logger: Logger): void;
}

/** How long what was closed may take to go, in milliseconds. */
const LAST_MOMENT = 1_000;

/**
 * The end of this process. The first SIGINT or SIGTERM requests an orderly shutdown; a second one ends the process at
 * once, as if it were not handled. An uncaught error is logged and ends the process with status 1: the next start finds
 * the running unikernels again, which is safer than continuing in an unknown state.
 */
export const processEnd: ProcessEnd = {
  completed(signal, logger) {
    setTimeout(() => {
      logger.warn({ signal }, 'all is closed, but something keeps this process: it ends by the signal itself');
      endBy(signal);
    }, LAST_MOMENT).unref();
  },

  requested(logger) {
    surviveTerminals();
    process.on('uncaughtException', (error, origin) => {
      logger.error(
        { error, origin },
        `Jitsu ends because of an error that it cannot know the effects of: ${error.message}`,
      );
      process.exit(1);
    });
    process.on('SIGHUP', () => {
      logger.warn({}, 'SIGHUP is ignored: restart Jitsu to have its configuration read again');
    });
    return new Promise((resolve) => {
      let isEnding = false;
      for (const name of ['SIGINT', 'SIGTERM'] as const) {
        process.on(name, () => {
          if (isEnding) return endBy(name);
          isEnding = true;
          resolve(name);
        });
      }
    });
  },
};

function endBy(signal: NodeJS.Signals): void {
  // process.exit would wait for threads, and a backend's thread may be in a call that never returns.
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}
