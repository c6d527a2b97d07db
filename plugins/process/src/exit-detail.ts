import type { Exit } from './exit.js';

/** Says for people how a program ended: its status, and the last thing that it said about that. */
export function exitDetail({ status, signal }: Exit, lastWords: string | undefined): string {
  const how =
    signal !== undefined
      ? `killed by ${signal}`
      : status !== undefined
        ? `exited with status ${status}`
        : 'ended; only the Jitsu that started it could know its exit status';
  return lastWords === undefined ? how : `${how}: ${lastWords}`;
}
