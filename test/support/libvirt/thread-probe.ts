/**
 * Loaded before the program of a thread, with a port as its worker data: does what the port orders. The thread that
 * runs libvirt's event loop obeys, too, which receives messages by receiveMessageOnPort() only.
 */
import { syncBuiltinESMExports } from 'node:module';
import workerThreads, { type MessagePort } from 'node:worker_threads';

/** To tell {@link heapSize}, or to keep a KiB. */
export type ThreadOrder = 'tell' | 'leak';

/** What JavaScript keeps in this thread, buffers included, in bytes. */
export function heapSize(): number {
  globalThis.gc?.();
  // Also gives back the pages that V8 has kept to use them again. A V8 that knows no flavors does a small collection.
  globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** What can be kept, 1 KiB of it. */
export const aKiB = (): object => new Array<number>(128).fill(0.5);

function obey(port: MessagePort): void {
  const leaked: object[] = [];
  const take = (order: ThreadOrder): void => {
    if (order === 'leak') leaked.push(aKiB());
    else port.postMessage(heapSize());
  };
  port.on('message', take);
  port.unref();
  const { receiveMessageOnPort } = workerThreads;
  workerThreads.receiveMessageOnPort = (other) => {
    for (;;) {
      const order = receiveMessageOnPort(port)?.message as ThreadOrder | undefined;
      if (!order) return receiveMessageOnPort(other);
      take(order);
    }
  };
  syncBuiltinESMExports();
}

if (!workerThreads.isMainThread) obey(workerThreads.workerData as MessagePort);
