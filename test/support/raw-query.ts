import { encodeName } from '#core/dns/wire/domain-name.js';

/** A query to the bit. */
export interface RawQuery {
  /** In presentation form; any byte as `\DDD`. */
  readonly name: string;
  readonly type: number;
  readonly class?: number;
  /** The flags, as the header's second word; RD where absent. */
  readonly flags?: number;
  readonly edns?: { readonly payloadSize: number; readonly flags?: number; readonly version?: number } | undefined;
}

/** A query's bytes with a random id. */
export function rawQuery({ name, type, class: recordClass = 1, flags = 0x0100, edns }: RawQuery): Uint8Array {
  const header = Buffer.alloc(12);
  header.writeUInt16BE(Math.floor(Math.random() * 0x10000), 0);
  header.writeUInt16BE(flags, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(edns === undefined ? 0 : 1, 10);
  const ends = Buffer.alloc(4);
  ends.writeUInt16BE(type, 0);
  ends.writeUInt16BE(recordClass, 2);
  return Buffer.concat([header, encodeName(name), ends, edns === undefined ? new Uint8Array() : optOf(edns)]);
}

function optOf({ payloadSize, flags = 0, version = 0 }: NonNullable<RawQuery['edns']>): Uint8Array {
  const opt = Buffer.alloc(11);
  opt.writeUInt16BE(41, 1);
  opt.writeUInt16BE(payloadSize, 3);
  opt.writeUInt8(version, 6);
  opt.writeUInt16BE(flags, 7);
  return opt;
}
