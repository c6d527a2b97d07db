/** Carries out pings for {@link PingChild}, in the network that this process is in. */
import { SystemClock } from '#core/clock.js';
import { PingProbe } from '#core/builtins/ping-probe.js';

export type PingOrder =
  | { readonly number: number; readonly addresses: readonly string[] }
  | { readonly number: number; readonly abort: true };

export interface PingResult {
  readonly number: number;
  /** What has been found, where it goes on. */
  readonly outcome?: string;
  readonly error?: string | undefined;
}

const probe = new PingProbe(new SystemClock());
const controllers = new Map<number, AbortController>();

process.on('message', (order: PingOrder) => {
  const { number } = order;
  if ('abort' in order) return controllers.get(number)?.abort(new Error('aborted'));
  const controller = new AbortController();
  controllers.set(number, controller);
  const { addresses } = order;
  const report = (outcome: string): unknown => process.send?.({ number, outcome } satisfies PingResult);
  const settled = (error?: Error): unknown => process.send?.({ number, error: error?.message } satisfies PingResult);
  probe.untilReady({ name: 'guest', id: 'an-id', addresses, report }, controller.signal).then(() => settled(), settled);
});
process.on('disconnect', () => process.exit());
