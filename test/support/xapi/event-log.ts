import { ApiError } from './api-error.js';
import type { ModelRecord } from './data-model.js';

type Operation = 'add' | 'mod' | 'del';

interface Happening {
  readonly number: number;
  readonly kind: string;
  readonly operation: Operation;
}

/** What event.from tells: since a token, one event for each object, with its record as it is by then; or, in time, nothing. */
export class EventLog {
  readonly #last = new Map<string, Happening>();
  readonly #waiting = new Set<(error?: ApiError) => void>();
  #number = 1;
  #oldest = 0;

  constructor(private readonly recordOf: (reference: string) => ModelRecord | undefined) {}

  /** @returns the token from which on it is told */
  tell(kind: string, reference: string, operation: Operation): string {
    const token = this.#token();
    this.#number += 1;
    this.#last.set(reference, { number: this.#number, kind, operation });
    for (const wake of [...this.#waiting]) wake();
    return token;
  }

  async from(classes: readonly string[], token: string, timeout: number): Promise<unknown> {
    const since = Number(token.split(',')[0]);
    if (token !== '' && since < this.#oldest) throw new ApiError('EVENTS_LOST');
    const deadline = performance.now() + timeout * 1_000;
    let happenings = this.#since(since, classes);
    while (happenings.length === 0 && performance.now() < deadline) {
      await this.#untilTold(deadline - performance.now());
      happenings = this.#since(since, classes);
    }
    return {
      events: happenings.map(([ref, { number, kind, operation }]) => {
        const record = this.recordOf(ref);
        return {
          id: number,
          timestamp: '20260101T00:00:00Z',
          class: kind.toLowerCase(),
          operation,
          ref,
          ...(operation !== 'del' && record && { snapshot: { ...record }, obj_uuid: record['uuid'] }),
        };
      }),
      token: this.#token(),
      valid_ref_counts: { vm: [...this.#last.values()].filter(({ operation }) => operation !== 'del').length },
    };
  }

  /** Everyone who waits is refused. */
  end(code: string): void {
    for (const wake of [...this.#waiting]) wake(new ApiError(code));
  }

  /** Nobody can go on from a token of before. */
  lose(): void {
    this.#number += 1;
    this.#oldest = this.#number;
    for (const wake of [...this.#waiting]) wake(new ApiError('EVENTS_LOST'));
  }

  #since(number: number, classes: readonly string[]): readonly [string, Happening][] {
    const wanted = new Set(classes.map((kind) => kind.toLowerCase()));
    return [...this.#last].filter(([, one]) => one.number > number && wanted.has(one.kind.toLowerCase()));
  }

  #untilTold(milliseconds: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const wake = (error?: ApiError): void => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        if (error) reject(error);
        else resolve();
      };
      const timer = setTimeout(wake, milliseconds);
      this.#waiting.add(wake);
    });
  }

  #token(): string {
    return `${this.#number},0`;
  }
}
