import type { Admission } from '#core/dns/admission/admission.js';
import type { PacketCache } from '#core/dns/packet-cache/packet-cache.js';
import { QueryView } from '#core/dns/wire/query-view.js';

/** What a packet cache says to a message, as far as it is a plain query. */
export function askPacketCache(
  cache: PacketCache,
  message: Uint8Array,
  admission: Admission,
): Uint8Array | 'silence' | undefined {
  const query = new QueryView(cache.memory.seed);
  return query.read(message, message.length) ? cache.answer(query, message, admission) : undefined;
}
