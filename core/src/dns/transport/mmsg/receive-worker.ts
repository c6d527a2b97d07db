/** The thread that waits for datagrams. It never returns to Node's event loop, and so receives no messages. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Milliseconds } from '../../../contracts/milliseconds.js';
import { Admission, ClientRules, type SharedAdmission } from '../../admission/admission.js';
import { ErrorAllowance } from '../../admission/error-allowance.js';
import type { PacketMemory } from '../../packet-cache/packet-memory.js';
import { PacketReader } from '../../packet-cache/packet-reader.js';
import type { DatagramKind } from '../../../net/datagram-batch.js';
import { RingWriter, type QueryRing } from './query-ring.js';
import { QueryView } from '../../wire/query-view.js';
import { ownThreadId } from './thread-priority.js';
import { ReceiveLoop } from './receive-loop.js';
import { loadSocketCalls } from '../../../net/socket-calls.js';
import { timeTeller, type ThreadRefusal } from './thread-state.js';

/** The parameters of a receiving thread. */
export interface ReceiveOrder {
  /** The socket's descriptor, which must not be closed before this thread has ended, or has said that it left it. */
  readonly descriptor: number;
  readonly kind: DatagramKind;
  /** The words of `ThreadState`. */
  readonly state: Int32Array<SharedArrayBuffer>;
  /** Takes the datagrams that the thread cannot answer. */
  readonly ring: QueryRing;
  readonly recursionAvailable: boolean;
  readonly packets: PacketMemory;
  readonly admission: SharedAdmission;
  /** See `timeTeller`. */
  readonly clockAhead: Milliseconds;
}

export type ReceiveMessage =
  /** `task` is the thread's id for `setThreadPriority`. */
  | { readonly kind: 'ready'; readonly task: number | undefined }
  /** The ring has entries. */
  | { readonly kind: 'queries' }
  /** The thread counts refusals; `envelope` is that of the first, as `DatagramBatch` copies it. */
  | { readonly kind: 'refused'; readonly refusal: ThreadRefusal; readonly envelope: Uint32Array }
  | { readonly kind: 'unsent'; readonly code: string }
  /** The thread does not use the socket any more; to end takes it some 50 ms. */
  | { readonly kind: 'left' };

const post = (message: ReceiveMessage): void => parentPort?.postMessage(message);

const order = workerData as ReceiveOrder;
const loop = new ReceiveLoop({
  ...order,
  calls: await loadSocketCalls(),
  view: new QueryView(order.packets.seed),
  packets: new PacketReader(order.packets, order.recursionAvailable),
  errors: new ErrorAllowance(),
  admission: new Admission(order.admission, new ClientRules(order.admission)),
  now: timeTeller(order.clockAhead),
  ring: new RingWriter(order.ring),
  onQueries: () => post({ kind: 'queries' }),
  onRefused: (refusal, envelope) => post({ kind: 'refused', refusal, envelope }),
  onUnsent: (code) => post({ kind: 'unsent', code }),
});
post({ kind: 'ready', task: ownThreadId() });
loop.run();
post({ kind: 'left' });
