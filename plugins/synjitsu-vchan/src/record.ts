import { isIPv4 } from 'node:net';

/** The message to Synjitsu about a booting unikernel: the address that it may accept connections for until then. */
export interface Announcement {
  /** As `00:16:3e:00:00:01`. */
  readonly mac: string;
  /** An IPv4 address. */
  readonly address: string;
}

/** In bytes. */
export const RECORD_LENGTH = 10;

/** The six bytes of the MAC address, then the four of the IPv4 address, most significant first. */
export function encodeRecord({ mac, address }: Announcement): Uint8Array {
  if (!/^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i.test(mac)) throw new TypeError(`${mac} is no MAC address`);
  if (!isIPv4(address)) throw new TypeError(`${address} is no IPv4 address`);
  return Uint8Array.from([...mac.split(':').map((byte) => parseInt(byte, 16)), ...address.split('.').map(Number)]);
}

/** The opposite of {@link encodeRecord}. */
export function decodeRecord(record: Uint8Array): Announcement {
  if (record.length !== RECORD_LENGTH) throw new RangeError(`${record.length} bytes are no record`);
  const mac = Array.from(record.subarray(0, 6), (byte) => byte.toString(16).padStart(2, '0')).join(':');
  return { mac, address: record.subarray(6).join('.') };
}
