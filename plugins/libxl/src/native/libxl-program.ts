/**
 * The process that runs libxl: its parent sends calls over a channel, many at a time. It must start no program of its
 * own, since libxl takes every child that ends for one of its own. It ends with its parent, once the calls in flight
 * are done.
 */
import { failureOf } from './call-failure.js';
import type { CallRequest, ProcessMessage } from './messages.js';
import { openLibxl } from './open-libxl.js';
import type { Operations } from './operations.js';

/** Without effect when the parent is gone. */
function send(message: ProcessMessage): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}

async function answer(operations: Operations, { id, operation, parameters }: CallRequest): Promise<void> {
  try {
    const call = operations[operation] as (...parameters: readonly unknown[]) => Promise<unknown>;
    send({ kind: 'result', id, result: await call(...parameters) });
  } catch (error) {
    send({ kind: 'failure', id, failure: failureOf(error) });
  }
}

try {
  const { operations, version } = await openLibxl();
  process.on('message', (request: CallRequest) => void answer(operations, request));
  send({ kind: 'ready', version });
} catch (error) {
  send({ kind: 'unusable', failure: failureOf(error) });
  process.disconnect();
}
