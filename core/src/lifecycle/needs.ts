import type { PowerState } from '../contracts/machine.js';
import { errorMessage, JitsuError } from '../errors.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import { seconds } from './summon-failures.js';
import type { Unikernel } from './unikernel.js';

/** The states in which a machine does not execute, and so uses nothing. */
const RESTING: ReadonlySet<PowerState> = new Set<PowerState>(['off', 'suspended', 'paused']);

const NONE: readonly never[] = [];

/** Which unikernels need which others. Those without needs, and that nobody needs, are not in it. */
export class Needs {
  readonly #needs = new Map<Unikernel, readonly Unikernel[]>();
  readonly #dependents = new Map<Unikernel, readonly Unikernel[]>();

  /** Whether no unikernel needs any other. */
  get isEmpty(): boolean {
    return this.#needs.size === 0;
  }

  add(unikernel: Unikernel, needs: readonly Unikernel[]): void {
    this.#needs.set(unikernel, needs);
    for (const need of needs) this.#dependents.set(need, [...this.dependentsOf(need), unikernel]);
  }

  /** It needs nothing any more. Returns what it needed. */
  remove(unikernel: Unikernel): readonly Unikernel[] {
    const needs = this.of(unikernel);
    this.#needs.delete(unikernel);
    for (const need of needs) {
      const rest = this.dependentsOf(need).filter((dependent) => dependent !== unikernel);
      if (rest.length > 0) this.#dependents.set(need, rest);
      else this.#dependents.delete(need);
    }
    return needs;
  }

  of(unikernel: Unikernel): readonly Unikernel[] {
    return this.#needs.get(unikernel) ?? NONE;
  }

  dependentsOf(unikernel: Unikernel): readonly Unikernel[] {
    return this.#dependents.get(unikernel) ?? NONE;
  }

  /** Those that need it and run, are about to, or of which it is not known. */
  usersOf(unikernel: Unikernel): readonly Unikernel[] {
    const dependents = this.#dependents.get(unikernel);
    return dependents === undefined ? NONE : dependents.filter(mayUseOthers);
  }

  /** Whether something that it needs is known not to be ready. */
  isUnmet(unikernel: Unikernel): boolean {
    return this.of(unikernel).some(isMissing);
  }

  /**
   * Resolves when all that it needs is ready.
   * @param summon brings one of its needs to ready
   * @throws JITSU_NEED_FAILED for the first that does not get there, and the reason of the signal
   */
  async meet(unikernel: Unikernel, summon: (need: Unikernel) => Promise<void>, signal: AbortSignal): Promise<void> {
    const needs = this.of(unikernel);
    let missing = needs.filter(({ ready }) => !ready);
    while (missing.length > 0) {
      const summons = missing.map((need) =>
        summon(need).catch((error: unknown) => Promise.reject(needFailed(unikernel, need, error))),
      );
      await Promise.all(summons);
      signal.throwIfAborted();
      // One may have gone down while the others took their time.
      missing = needs.filter(isMissing);
    }
  }

  /** The error of a summon whose deadline has come before all that it needs was ready. */
  pastDeadline(unikernel: Unikernel, usualOf: (need: Unikernel) => Milliseconds | undefined): JitsuError {
    const { name, plan } = unikernel;
    const missing = this.of(unikernel).filter(({ ready }) => !ready);
    const names = missing.map((need) => `${need.name}${usualText(usualOf(need))}`).join(' and ');
    return new JitsuError(
      'JITSU_NEED_FAILED',
      `${name} was not ready within ${seconds(plan.deadline)}: it needs ${names}, which ${missing.length === 1 ? 'is' : 'are'} not ready yet. Raise the deadline of ${name}: it covers what it needs, too.`,
    );
  }

  /** Carries this out for each of these, once it is done for those that need it. Never rejects. */
  async dependentsFirst(unikernels: Iterable<Unikernel>, act: (unikernel: Unikernel) => Promise<void>): Promise<void> {
    const all = new Set(unikernels);
    const acts = new Map<Unikernel, Promise<void>>();
    const actOn = (unikernel: Unikernel): Promise<void> => {
      const known = acts.get(unikernel);
      if (known !== undefined) return known;
      const before = this.dependentsOf(unikernel).filter((dependent) => all.has(dependent));
      const begun =
        before.length === 0 ? act(unikernel) : Promise.allSettled(before.map(actOn)).then(() => act(unikernel));
      acts.set(unikernel, begun);
      return begun;
    };
    await Promise.allSettled([...all].map(actOn));
  }
}

function usualText(usual: Milliseconds | undefined): string {
  return usual === undefined ? '' : ` (usually ready after ${seconds(usual)})`;
}

/** Whether it may use others: it executes, is about to, or it is not known. */
export function mayUseOthers({ summon, starting, stops, state }: Unikernel): boolean {
  return summon !== undefined || starting || stops !== undefined || !RESTING.has(state);
}

/** What cannot be asked at the moment is not missing for that. */
function isMissing({ ready, state }: Unikernel): boolean {
  return !ready && state !== 'unknown';
}

function needFailed({ name }: Unikernel, need: Unikernel, error: unknown): JitsuError {
  const message = `${name} needs ${need.name}, which is not ready: ${errorMessage(error)}`;
  return new JitsuError('JITSU_NEED_FAILED', message, { cause: error });
}
