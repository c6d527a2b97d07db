import { parentPort, workerData } from 'node:worker_threads';
import { Admission, ClientRules, type SharedAdmission } from '#core/dns/admission/admission.js';
import type { PacketMemory } from '#core/dns/packet-cache/packet-memory.js';
import { PacketReader, LONGEST_CACHED_ANSWER, MISS } from '#core/dns/packet-cache/packet-reader.js';
import { QueryView } from '#core/dns/wire/query-view.js';

/** A thread that asks the same question over and over until it is told to stop, and looks at each answer. */
interface Order {
  readonly memory: PacketMemory;
  readonly access: SharedAdmission;
  readonly query: Uint8Array;
  readonly state: Int32Array;
}
const { memory, access, query, state } = workerData as Order;
const reader = new PacketReader(memory, false);
const admission = new Admission(access, new ClientRules(access));
admission.begin(Uint8Array.of(127, 0, 0, 1), false);
const view = new QueryView(memory.seed);
view.read(query, query.length);
const out = Buffer.alloc(LONGEST_CACHED_ANSWER);
let torn = 0;

parentPort?.postMessage('asking');
while (Atomics.load(state, 1) === 0) {
  const length = reader.answer(view, query, query.length, out, admission, 1_000_000);
  if (length === MISS) continue;
  Atomics.add(state, 0, 1);
  if (!isWhole(length)) torn += 1;
}
parentPort?.postMessage({ given: Atomics.load(state, 0), torn });

/** Whether the answer has as many records as it says, all of the round that the first TTL names, and an OPT record. */
function isWhole(length: number): boolean {
  const count = out.readUInt16BE(6);
  const start = query.length - 11;
  const round = out.readUInt32BE(start + 6);
  if (count !== 1 + (round % 20) || length !== start + 16 * count + 11) return false;
  for (let at = start; at < length - 11; at += 16) {
    if (out.readUInt32BE(at + 6) !== round || out.readUInt16BE(at + 14) !== round) return false;
  }
  return true;
}
