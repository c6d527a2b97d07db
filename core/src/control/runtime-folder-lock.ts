import { join } from 'node:path';
import type { Logger } from '../contracts/logger.js';
import { errorMessage, JitsuError } from '../errors.js';
import { OwnerLock } from '../state/owner-lock.js';

/**
 * Makes this process the only Jitsu of a runtime folder, until it is disposed: two would write each other's records of
 * what runs, and each would end what the other has started.
 *
 * On a full disk it begins nevertheless, as people depend on its answers.
 *
 * @throws JITSU_ALREADY_RUNNING, JITSU_CONTROL_FAILED
 */
export function lockRuntimeDirectory(path: string, logger: Logger): Disposable {
  const lock = new OwnerLock(join(path, 'jitsu'));
  let owner;
  try {
    owner = lock.acquireUnlessFull((error) => {
      const advice = 'Nothing keeps another Jitsu from using it, too, unless they have the same control socket.';
      logger.warn({ error }, `The runtime folder ${path} cannot be locked: ${errorMessage(error)}. ${advice}`);
    });
  } catch (error) {
    const message = `The runtime folder ${path} cannot be used: ${errorMessage(error)}. Correct that, or configure another one (runtimeDirectory).`;
    throw new JitsuError('JITSU_CONTROL_FAILED', message, { cause: error });
  }
  if (owner !== undefined) {
    const advice = `End it (Ctrl-C, or \`kill ${owner.pid}\`), or give this one a runtime folder of its own (runtimeDirectory, or RUNTIME_DIRECTORY in the environment), and another port (-l).`;
    const message = `The runtime folder ${path} is in use by a Jitsu, process ${owner.pid}. ${advice}`;
    throw new JitsuError('JITSU_ALREADY_RUNNING', message);
  }
  return { [Symbol.dispose]: () => lock.release() };
}
