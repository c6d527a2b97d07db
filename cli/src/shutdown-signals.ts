import { constants } from 'node:os';
import type { Logger } from '@jitsud/core';

/** What tells a server to end. */
export interface ShutdownSignals {
  /** Resolves with the first signal that says so. */
  first(logger: Logger): Promise<NodeJS.Signals>;
}

/**
 * SIGINT and SIGTERM of this process. The first asks for an orderly end; a second one ends the process at once, with the
 * status that shells expect of it. SIGHUP says that there is nothing to read again.
 */
export const processSignals: ShutdownSignals = {
  first(logger) {
    return new Promise((resolve) => {
      let isEnding = false;
      const onSignal = (signal: NodeJS.Signals): void => {
        if (isEnding) process.exit(128 + constants.signals[signal]);
        isEnding = true;
        resolve(signal);
      };
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, onSignal);
      process.on('SIGHUP', () => {
        logger.warn({}, 'SIGHUP is ignored: restart Jitsu to read its configuration again; unikernels keep running');
      });
    });
  },
};
