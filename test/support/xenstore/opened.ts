import { SystemClock } from '#core/clock.js';
import { Xenstore, type XenstoreOptions } from '#xenstore/xenstore.js';
import { MemoryLogger } from '../memory-logger.js';

/** A client of a daemon of the test's own, with a log that nobody reads where none is given. */
export function opened({ socket }: { socket: string }, options: Partial<XenstoreOptions> = {}): Promise<Xenstore> {
  return Xenstore.open({ clock: new SystemClock(), logger: new MemoryLogger(), socket, ...options });
}

/** Asserts nothing: the code with which a promise rejects, or what it resolves to. */
export async function outcome(promise: Promise<unknown>): Promise<unknown> {
  return promise.catch((error: unknown) => (error as { code?: unknown }).code ?? error);
}
