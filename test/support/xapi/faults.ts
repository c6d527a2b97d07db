/**
 * - `latency`: the call is executed after so many milliseconds.
 * - `error`: it is refused with this code.
 * - `cut`: the connection ends: before the call is executed, or in the middle of the reply.
 * - `status`: an HTTP status, and nothing done.
 * - `silence`: no answer, ever.
 * - `expiry`: all sessions have ended just before it.
 */
export type Fault =
  | { readonly kind: 'latency'; readonly milliseconds: number }
  | { readonly kind: 'error'; readonly code: string; readonly parameters?: readonly string[] }
  | { readonly kind: 'cut'; readonly at: 'call' | 'reply' }
  | { readonly kind: 'status'; readonly status: number }
  | { readonly kind: 'silence' }
  | { readonly kind: 'expiry' };

interface Planned {
  readonly method: string;
  readonly fault: Fault;
  left: number;
}

/** Faults on demand. */
export class Faults {
  readonly #planned: Planned[] = [];

  /** The next calls of that method fail in that way. */
  plan(method: string, fault: Fault, times = 1): void {
    this.#planned.push({ method, fault, left: times });
  }

  next(method: string): Fault | undefined {
    const planned = this.#planned.find((one) => one.method === method && one.left > 0);
    if (planned) planned.left -= 1;
    return planned?.fault;
  }

  /** Whether all that was planned has happened. */
  get areOver(): boolean {
    return this.#planned.every(({ left }) => left === 0);
  }

  clear(): void {
    this.#planned.length = 0;
  }
}
