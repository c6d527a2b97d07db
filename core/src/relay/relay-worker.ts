/** The thread that relays, so that what clients transfer does not delay DNS responses. */
import { parentPort, workerData } from 'node:worker_threads';
import { SystemClock } from '../clock.js';
import type { Knock, KnockVerdict } from '../contracts/doorman.js';
import { errorMessage } from '../errors.js';
import { RelayEngine } from './relay-engine.js';
import type { ListenFailure, RelayCalls, RelayOrder } from './relay-order.js';

/** What the thread is asked; the reply has the same number. */
export type RelayRequest =
  | {
      readonly [Call in keyof RelayCalls]: {
        readonly number: number;
        readonly call: Call;
        readonly words: Parameters<RelayCalls[Call]>;
      };
    }[keyof RelayCalls]
  | { readonly knock: number; readonly verdict: KnockVerdict };

export type RelayMessage =
  | { readonly kind: 'opened'; readonly failures: readonly ListenFailure[] }
  | { readonly kind: 'knock'; readonly number: number; readonly knock: Knock }
  | { readonly kind: 'done'; readonly number: number; readonly result: unknown }
  | { readonly kind: 'failed'; readonly number: number; readonly reason: string };

const port = parentPort as NonNullable<typeof parentPort>;
const post = (message: RelayMessage): void => port.postMessage(message);

const asked = new Map<number, (verdict: KnockVerdict) => void>();
let knocks = 0;

const engine: RelayEngine = new RelayEngine(workerData as RelayOrder, new SystemClock(), (knock) => {
  knocks += 1;
  const number = knocks;
  post({ kind: 'knock', number, knock });
  return new Promise((resolve) => asked.set(number, resolve));
});

port.on('message', (request: RelayRequest) => {
  if ('verdict' in request) {
    asked.get(request.knock)?.(request.verdict);
    asked.delete(request.knock);
    return;
  }
  const { number, call, words } = request;
  const carryOut = engine[call].bind(engine) as (...given: readonly unknown[]) => unknown;
  // What is done at once is done before the next request.
  try {
    void Promise.resolve(carryOut(...words)).then((result) => post({ kind: 'done', number, result }));
  } catch (error) {
    post({ kind: 'failed', number, reason: errorMessage(error) });
  }
});
post({ kind: 'opened', failures: await engine.open() });
