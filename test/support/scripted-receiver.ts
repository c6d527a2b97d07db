/**
 * Stands in for a receiving thread: does what the test wrote into its environment data under `receiver`, one step for
 * each of its lives, and then waits until it is told to end.
 */
import { getEnvironmentData, parentPort, resourceLimits, workerData } from 'node:worker_threads';
import type { ReceiveOrder } from '#core/dns/transport/mmsg/receive-worker.js';
import { RingWriter } from '#core/dns/transport/mmsg/query-ring.js';
import { ThreadState } from '#core/dns/transport/mmsg/thread-state.js';
import { ENVELOPE_WORDS, type DatagramBatch } from '#core/net/datagram-batch.js';

export interface ReceiverScript {
  /** Counted up by each thread that begins. */
  readonly lives: Int32Array;
  /** The thread dies when it is ready in so many of its lives, or before it is ready in those listed. */
  readonly deaths: number;
  readonly stillbirths?: readonly number[];
  /** What is sent to the main thread, once it is ready. */
  readonly messages?: readonly unknown[];
  /** The id of the thread that it gives for its own. */
  readonly task?: number;
  /** The thread dies when the second word of `lives` counts its life. */
  readonly diesOnDemand?: boolean;
  /** A datagram that is handed over while the thread ends. */
  readonly late?: boolean;
}

const script = getEnvironmentData('receiver') as unknown as ReceiverScript;
const { state, ring } = workerData as ReceiveOrder;
const life = Atomics.add(script.lives, 0, 1);
if (script.stillbirths?.includes(life) === true) throw new Error('a still birth');
parentPort?.postMessage({ kind: 'ready', task: script.task });
for (const message of script.messages ?? []) parentPort?.postMessage(message);
if (life < script.deaths)
  throw new Error(`limits ${resourceLimits.maxYoungGenerationSizeMb}, ${process.execArgv.length}`);
while (Atomics.load(state, ThreadState.Ending) === 0) {
  Atomics.wait(state, ThreadState.Ending, 0, 2);
  if (script.diesOnDemand === true && Atomics.load(script.lives, 1) > life) throw new Error('as told');
}
if (script.late === true) {
  const batch = {
    payloads: [new Uint8Array(20)],
    lengthOf: () => 20,
    copyEnvelope: (_index: number, into: Uint32Array, start: number) => into.fill(1, start, start + ENVELOPE_WORDS),
  };
  const writer = new RingWriter(ring);
  writer.add(batch as unknown as DatagramBatch, 0);
  writer.publish();
  parentPort?.postMessage({ kind: 'queries' });
}
