/** The thread that waits for datagrams. It never returns to Node's event loop, and so receives no messages. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Milliseconds } from '../../../contracts/milliseconds.js';
import { Admission, ClientRules, type SharedAdmission } from '../../admission/admission.js';
import type { PacketMemory } from '../../packet-cache/packet-memory.js';
import { PacketReader } from '../../packet-cache/packet-reader.js';
import type { DatagramKind } from '../../../net/datagram-batch.js';
import { MissWriter, type MissRing } from './miss-ring.js';
import { QueryView } from '../../wire/query-view.js';
import { ownTask } from './precedence.js';
import { ReceiveLoop } from './receive-loop.js';
import { loadSocketCalls } from '../../../net/socket-calls.js';
import { timeTeller, type ThreadRefusal } from './thread-state.js';

/** The parameters of a receiving thread. */
export interface ReceiveOrder {
  /** The socket's descriptor, which must not be closed before this thread has ended. */
  readonly descriptor: number;
  readonly kind: DatagramKind;
  /** The words of `ThreadState`. */
  readonly state: Int32Array<SharedArrayBuffer>;
  /** Takes the datagrams that the thread cannot answer. */
  readonly ring: MissRing;
  readonly recursionAvailable: boolean;
  readonly packets: PacketMemory;
  readonly admission: SharedAdmission;
  /** See `timeTeller`. */
  readonly clockAhead: Milliseconds;
}

export type ReceiveMessage =
  /** `task` is the thread's id for `setPrecedence`. */
  | { readonly kind: 'ready'; readonly task: number | undefined }
  /** The ring has entries. */
  | { readonly kind: 'misses' }
  /** The thread counts refusals; `envelope` is that of the first, as `DatagramBatch` copies it. */
  | { readonly kind: 'refused'; readonly refusal: ThreadRefusal; readonly envelope: Uint32Array }
  | { readonly kind: 'unsent'; readonly code: string };

const post = (message: ReceiveMessage): void => parentPort?.postMessage(message);

const order = workerData as ReceiveOrder;
const loop = new ReceiveLoop({
  ...order,
  calls: await loadSocketCalls(),
  view: new QueryView(order.packets.seed),
  packets: new PacketReader(order.packets, order.recursionAvailable),
  admission: new Admission(order.admission, new ClientRules(order.admission)),
  now: timeTeller(order.clockAhead),
  misses: new MissWriter(order.ring),
  onMisses: () => post({ kind: 'misses' }),
  onRefused: (refusal, envelope) => post({ kind: 'refused', refusal, envelope }),
  onUnsent: (code) => post({ kind: 'unsent', code }),
});
post({ kind: 'ready', task: ownTask() });
loop.run();
