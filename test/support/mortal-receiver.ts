/** Stands in for a receiving thread: dies twice just when it is ready, and then does its work. */
import { getEnvironmentData, parentPort } from 'node:worker_threads';

const deaths = getEnvironmentData('deaths') as Int32Array;
if (Atomics.load(deaths, 0) < 2) {
  Atomics.add(deaths, 0, 1);
  parentPort?.postMessage({ kind: 'ready', task: undefined });
  throw new Error('a defect');
}
await import('#core/dns/transport/mmsg/receive-worker.js');
