import { JitsuError, nativePackageAdvice } from '@jitsud/core/plugin';
import { Worker } from 'node:worker_threads';
import { findObstacles, lacksDevices, PACKAGES } from './advice.js';
import { channelPath } from './channel-path.js';
import { errnoText } from './errno-text.js';
import type { ReceiverMessage, ReceiverOrder } from './native/receiver-worker.js';

const PROGRAM = new URL('./native/receiver-worker.js', import.meta.url);

export interface ReceiverOptions {
  /** The id of the domain whose client may connect: the one in which Jitsu runs. */
  readonly domain: number;
  readonly port: string;
  /** The store node of the listening domain, unless it is the caller's own. */
  readonly home?: string;
  readonly onRecord: (bytes: Uint8Array) => void;
  readonly onState?: (state: 'listening' | 'connected' | 'disconnected') => void;
}

/** A stand-in for Synjitsu: listens on a port, receives records, and listens again when its client has gone. */
export class Receiver implements AsyncDisposable {
  /** Resolves when it was closed. @throws JITSU_NOTIFIER_FAILED when it cannot listen */
  readonly ended: Promise<void>;
  readonly #stop = new Int32Array(new SharedArrayBuffer(4));

  constructor(options: ReceiverOptions) {
    this.ended = this.#listen(options);
    // A caller that waits for it gets the error; one that does not has closed it.
    this.ended.catch(() => undefined);
  }

  /** Stops receiving; resolves when it does not listen any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    Atomics.store(this.#stop, 0, 1);
    await this.ended.catch(() => undefined);
  }

  async #listen({ domain, port, home, onRecord, onState }: ReceiverOptions): Promise<void> {
    if (await lacksDevices('server')) throw await failure(port, 'its devices are missing');
    const path = [...(home === undefined ? [] : [home]), channelPath(domain, port)].join('/');
    const order: ReceiverOrder = { domain, path, stop: this.#stop };
    const worker = new Worker(PROGRAM, { name: 'synjitsu receiver', workerData: order });
    let failed: Promise<JitsuError> | undefined;
    worker.on('message', (message: ReceiverMessage) => {
      if (message.kind === 'record') onRecord(message.bytes);
      else if (message.kind === 'library-missing') failed = failure(port, message.message, PACKAGES);
      else if (message.kind === 'defect') failed = failure(port, message.message);
      else if (message.kind === 'refused')
        failed = failure(port, `libxenvchan refuses it (${errnoText(message.errno)})`);
      else onState?.(message.kind);
    });
    await new Promise<void>((resolve, reject) => {
      worker.on('error', (error) => {
        if (/koffi/i.test(error.message)) {
          failed = failure(port, error.message, `${nativePackageAdvice('koffi', import.meta.url)}.`);
        } else reject(error);
      });
      worker.on('exit', () => resolve());
    });
    if (failed !== undefined) throw await failed;
  }
}

async function failure(port: string, reason: string, advice?: string): Promise<JitsuError> {
  const further = advice === undefined ? await findObstacles('server') : [advice];
  const message = [`Nobody can listen on the port ${port}: ${reason}.`, ...further].join(' ');
  return new JitsuError('JITSU_NOTIFIER_FAILED', message);
}
