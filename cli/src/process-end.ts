import type { Logger } from '@jitsud/core';

/** What ends a server. */
export interface ProcessEnd {
  /** Resolves with the first signal that asks for an orderly end. */
  asked(logger: Logger): Promise<NodeJS.Signals>;
}

/**
 * The end of this process. The first SIGINT or SIGTERM asks for an orderly one; a second one ends the process at once,
 * as if it did not handle it. An error that nobody caught is logged and ends it with status 1: the next
 * start finds out what runs, which is safer than going on in a state that nobody knows.
 */
export const processEnd: ProcessEnd = {
  asked(logger) {
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
          if (isEnding) {
            // process.exit would wait for threads, and one of a backend may be within a call that never returns.
            process.removeAllListeners(name);
            process.kill(process.pid, name);
            return;
          }
          isEnding = true;
          resolve(name);
        });
      }
    });
  },
};
