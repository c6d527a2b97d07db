/** A thread that listens on a port, for one client after the other, until it is told to end. */
import { parentPort, workerData } from 'node:worker_threads';
import { RECORD_LENGTH } from '../record.js';
import { LIBRARY_MISSING, loadVchan, WAITS_FOR_CLIENT, type VchanLibrary } from './vchan-library.js';

export interface ReceiverOrder {
  /** The domain whose client may connect. */
  readonly domain: number;
  /** The store path under which the port is published. */
  readonly path: string;
  /** One number; the thread ends when it is not 0. */
  readonly stop: Int32Array;
}

export type ReceiverMessage =
  | { readonly kind: 'listening' | 'connected' | 'disconnected' }
  | { readonly kind: 'record'; readonly bytes: Uint8Array }
  /** `errno` is 0 where the library reported none. */
  | { readonly kind: 'refused'; readonly errno: number }
  | { readonly kind: 'library-missing' | 'defect'; readonly message: string };

/** How long it takes to notice the order to end, in milliseconds. */
const TURN = 200;

const { domain, path, stop } = workerData as ReceiverOrder;
const post = (message: ReceiverMessage): void => parentPort?.postMessage(message);
const isToStop = (): boolean => Atomics.load(stop, 0) !== 0;

/** Serves one client. Returns whether another one may follow. */
function serve(vchan: VchanLibrary): boolean {
  const channel = vchan.listen(domain, path);
  if (channel === undefined) {
    post({ kind: 'refused', errno: vchan.errno() });
    return false;
  }
  post({ kind: 'listening' });
  const client = { hasCome: false };
  // An order to end a thread from outside is noticed at the start of a JavaScript function.
  const turn = (): boolean => {
    vchan.waitForEvent(channel, TURN);
    // First its state, then its bytes: so nothing is missed that it sent before it left.
    const state = vchan.isOpen(channel);
    if (!client.hasCome && state !== WAITS_FOR_CLIENT) post({ kind: 'connected' });
    client.hasCome ||= state !== WAITS_FOR_CLIENT;
    for (let bytes; (bytes = vchan.tryReceive(channel, RECORD_LENGTH));) post({ kind: 'record', bytes });
    return state !== 0 && !isToStop();
  };
  while (turn());
  if (client.hasCome) post({ kind: 'disconnected' });
  vchan.close(channel);
  return !isToStop();
}

try {
  const vchan = loadVchan();
  while (serve(vchan));
} catch (error) {
  const { message, code } = error as { message?: string; code?: string };
  post({ kind: code === LIBRARY_MISSING ? 'library-missing' : 'defect', message: message ?? String(error) });
}
