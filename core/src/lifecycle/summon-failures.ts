import type { Milliseconds } from '../contracts/milliseconds.js';
import { errorCode, JitsuError } from '../errors.js';
import type { Summon } from './summon.js';
import type { Unikernel } from './unikernel.js';

/** Failures that are not the unikernel's own fault, and do not count for back-off. */
const NOT_ITS_FAULT: ReadonlySet<string> = new Set([
  'JITSU_BACKEND_UNREACHABLE',
  'JITSU_UNIKERNEL_UNAVAILABLE',
  'JITSU_ROOT_GIVEN_UP',
  'JITSU_NEED_FAILED',
  'JITSU_BOOT_QUEUE_FULL',
  'JITSU_STOPPED_BY_COMMAND',
  'JITSU_UNIKERNEL_REMOVED',
  'JITSU_SHUTTING_DOWN',
]);

/** Whether such a failure of its summon is the unikernel's own fault, and counts for back-off. */
export function isItsFault(error: unknown, { phase, state }: Unikernel, { began }: Summon): boolean {
  const code = errorCode(error);
  if (code !== 'JITSU_SUMMON_DEADLINE') return code === undefined || !NOT_ITS_FAULT.has(code);
  // Not its fault: its turn to boot has not come, or its stop takes that long.
  return phase !== 'wanted' && (began || phase === 'waiting' || state === 'running');
}

/** The error of a query for a unikernel in back-off; `undefined` where it may be summoned. */
export function backingOff({ name, failure }: Unikernel, now: Milliseconds): JitsuError | undefined {
  if (failure === undefined) return undefined;
  const { count, reason, retryAt } = failure;
  if (retryAt === undefined) return new JitsuError('JITSU_ROOT_GIVEN_UP', `${name} is not tried again: ${reason}`);
  if (retryAt <= now) return undefined;
  const times = count === 1 ? 'once' : `${count} times in a row`;
  return new JitsuError(
    'JITSU_SUMMON_BACKING_OFF',
    `${name} failed ${times} and is left alone for ${seconds(retryAt - now)} more. Last: ${reason}`,
  );
}

/**
 * The error of a summon that has reached its deadline.
 * @param usual how long it usually is on its way, where that is known
 */
export function pastDeadline(
  { name, phase, state, plan }: Unikernel,
  { began, outcomes }: Summon,
  usual?: Milliseconds,
): JitsuError {
  const why =
    phase === 'wanted'
      ? `Its backend has not stopped it yet (${state}). Check the backend, or raise its deadline.`
      : state === 'running'
        ? `It ran, but ${unsatisfied(outcomes)}. Check its ready: probe and its log, or raise its deadline.`
        : phase === 'probing' || phase === 'rising'
          ? `It does not run any more, and is not off (${state}). Check its log and its backend.`
          : began || phase === 'waiting'
            ? `Its backend has not got it to run yet (${state}). Check the backend, or raise its deadline.`
            : 'It is still waiting for its turn to boot. Raise boot.limit or its deadline.';
  const usually = usual === undefined ? '' : ` (usually ${seconds(usual)})`;
  return new JitsuError(
    'JITSU_SUMMON_DEADLINE',
    `${name} was not ready within ${seconds(plan.deadline)}${usually}. ${why}`,
  );
}

/** The most characters of what one probe has found: a plugin may say anything. */
const LONGEST_OUTCOME = 200;

function unsatisfied(outcomes: Summon['outcomes']): string {
  return outcomes.size === 0 ? 'its service did not answer' : `was not ready: ${found(outcomes)}`;
}

function found(outcomes: Summon['outcomes']): string {
  return [...outcomes.values()].map((outcome) => outcome.slice(0, LONGEST_OUTCOME)).join('; ');
}

/** Why a unikernel that was ready is so no longer. @param outcomes what each of its probes has found last */
export function unready({ name }: Unikernel, outcomes: Summon['outcomes']): JitsuError {
  return new JitsuError(
    'JITSU_SERVICE_UNREADY',
    `${name} runs, and ${outcomes.size === 0 ? 'its service does not answer any more' : `is not ready any more: ${found(outcomes)}`}. Look at its log; the next query waits until it answers.`,
  );
}

/** The error of a summon whose machine went down before its service answered. */
export function died({ name, detail, state }: Unikernel): JitsuError {
  return new JitsuError(
    'JITSU_SUMMON_DIED',
    `${name} went ${state} before its service answered${detail ? `: ${detail.replace(/\.$/, '')}` : ''}. Check its log and its configuration.`,
  );
}

/** The error of a summon whose backend was lost. */
export function unreachable({ name, plan, detail }: Unikernel): JitsuError {
  const message = `${plan.backendName}, the backend of ${name}, cannot be asked${detail ? `: ${detail}` : '.'}`;
  return new JitsuError('JITSU_BACKEND_UNREACHABLE', message);
}

/** The error of a summon that a stop has ended. */
export function stoppedByCommand({ name }: Unikernel): JitsuError {
  return new JitsuError('JITSU_STOPPED_BY_COMMAND', `${name} was stopped by command while it booted.`);
}

/** The error of whatever waited for a unikernel that was removed. */
export function removed({ name }: Unikernel): JitsuError {
  return new JitsuError('JITSU_UNIKERNEL_REMOVED', `${name} was removed from the configuration meanwhile.`);
}

/** A duration for people, to a tenth of a second. */
export function seconds(duration: Milliseconds): string {
  return `${Math.ceil(duration / 100) / 10} s`;
}
