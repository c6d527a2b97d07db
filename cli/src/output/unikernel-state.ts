import type { Milliseconds } from '@jitsud/core';
import type { UnikernelStatus } from '@jitsud/core/control';
import { durationText } from './duration-text.js';
import { printable } from './printable.js';

/** The state of a unikernel in one word: what Jitsu is doing with it, or its power state. */
export function stateWord({ phase, state }: UnikernelStatus): string {
  return phase === 'down' ? state : phase;
}

/** Why its summons fail and when the next one may begin; `undefined` if they do not fail. */
export function failureText({ phase, failure }: UnikernelStatus, now: Milliseconds): string | undefined {
  if (failure === undefined || (phase !== 'failing' && phase !== 'down')) return undefined;
  const times = failure.count === 1 ? 'failed' : `failed ${failure.count} times in a row`;
  const wait = failure.retryAt - now;
  const next = wait > 0 ? `the next summon may begin in ${durationText(wait)}` : 'the next query tries again';
  const reason = printable(failure.reason).replace(/[.\s]+$/, '');
  return `${times}, ${durationText(now - failure.at)} ago (${failure.code}): ${reason}; ${next}.`;
}

/** The time until it stops if no further query comes. */
export function stopsIn({ stopAt }: UnikernelStatus, now: Milliseconds): string {
  return stopAt === undefined || !Number.isFinite(stopAt) ? '-' : durationText(stopAt - now);
}
