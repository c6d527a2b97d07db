/** What ends things that this process has started. */
const ends = new Set<() => Promise<void>>();
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
let isHeard = false;

/**
 * Has this called where the process is told to end by a signal, until it is disposed: what it has started outlives it
 * otherwise. The last one is called first, and the process ends by that signal then.
 */
export function onInterruption(end: () => Promise<void>): Disposable {
  if (!isHeard) {
    isHeard = true;
    for (const signal of SIGNALS) process.once(signal, () => void interrupted(signal));
  }
  ends.add(end);
  return { [Symbol.dispose]: () => void ends.delete(end) };
}

async function interrupted(signal: NodeJS.Signals): Promise<void> {
  // Whoever uses what ends now fails, which is not to end the process before all of it has ended.
  process.on('uncaughtException', () => undefined);
  for (const end of [...ends].reverse()) {
    await end().catch((error: unknown) => console.error('could not be ended:', error));
  }
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}
