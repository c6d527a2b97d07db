import { join } from 'node:path';
import { errorMessage, JitsuError } from '../errors.js';
import { OwnerLock } from '../state/owner-lock.js';

/**
 * Makes this process the only Jitsu of a runtime folder, until it is disposed: two would write each other's records of
 * what runs, and each would end what the other has started.
 *
 * @throws JITSU_ALREADY_RUNNING, JITSU_CONTROL_FAILED
 */
export function lockRuntimeDirectory(path: string): Disposable {
  const lock = new OwnerLock(join(path, 'jitsu'));
  let owner;
  try {
    owner = lock.acquire();
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
