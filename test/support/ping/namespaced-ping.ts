import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ReadinessProbe, ReadinessTarget } from '#core/contracts/readiness-probe.js';
import type { NetworkNamespace } from '../network-namespace.js';
import type { PingOrder, PingResult } from './ping-child.js';

const PROGRAM = fileURLToPath(new URL('ping-child.js', import.meta.url));

/** The real ping probe, in a process that sees the network of a namespace. */
export class NamespacedPing implements ReadinessProbe, Disposable {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (result: PingResult) => void>();
  #count = 0;

  constructor(namespace: NetworkNamespace) {
    this.#child = namespace.spawn(process.execPath, [PROGRAM], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#child.on('message', (result: PingResult) => this.#waiting.get(result.number)?.(result));
  }

  async untilReady({ addresses, report }: ReadinessTarget, signal: AbortSignal): Promise<void> {
    const number = this.#count++;
    const settled = new Promise<string | undefined>((resolve) => {
      this.#waiting.set(number, ({ outcome, error }) => (outcome === undefined ? resolve(error) : report?.(outcome)));
    });
    const abort = (): void => this.#order({ number, abort: true });
    this.#order({ number, addresses });
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    const error = await settled;
    signal.removeEventListener('abort', abort);
    if (error === 'aborted') throw signal.reason;
    if (error !== undefined) throw new Error(error);
  }

  #order(order: PingOrder): void {
    if (this.#child.connected) this.#child.send(order);
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL');
  }
}
