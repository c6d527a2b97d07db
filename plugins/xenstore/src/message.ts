/**
 * A message in either direction: a header of four 32-bit numbers in the machine's byte order, and a payload. See Xen's
 * docs/misc/xenstore.txt and io/xs_wire.h.
 */
export interface Message {
  readonly type: number;
  /** The id by which a reply is matched to its request; 0 in unsolicited messages. */
  readonly request: number;
  /** The transaction's id; 0 outside of transactions. */
  readonly transaction: number;
  readonly payload: Buffer;
}

/** In bytes, as all lengths here. */
export const HEADER_LENGTH = 16;

/** XENSTORE_PAYLOAD_MAX. */
export const LONGEST_PAYLOAD = 4096;

/** Little-endian, as Xen runs on little-endian machines only. */
export function encodeMessage({ type, request, transaction, payload }: Message): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER_LENGTH + payload.length);
  bytes.writeUInt32LE(type, 0);
  bytes.writeUInt32LE(request, 4);
  bytes.writeUInt32LE(transaction, 8);
  bytes.writeUInt32LE(payload.length, 12);
  payload.copy(bytes, HEADER_LENGTH);
  return bytes;
}
