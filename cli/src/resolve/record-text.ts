import type { Answer } from 'dns-packet';
import { recordTypeName } from './record-type.js';

/** A record's type and data in presentation form; unknown types in the form of RFC 3597, 5. */
export function recordText(record: Exclude<Answer, { type: 'OPT' }>): { readonly type: string; readonly data: string } {
  const { type } = record;
  const number = /^UNKNOWN_(\d+)$/.exec(type)?.[1];
  return { type: number === undefined ? type : recordTypeName(Number(number)), data: dataText(record) };
}

function dataText(record: Exclude<Answer, { type: 'OPT' }>): string {
  switch (record.type) {
    case 'SOA': {
      const { mname, rname, serial, refresh, retry, expire, minimum } = record.data;
      return [mname, rname, serial, refresh, retry, expire, minimum].join(' ');
    }
    case 'MX':
      return `${record.data.preference ?? 0} ${record.data.exchange}`;
    case 'SRV':
      return `${record.data.priority ?? 0} ${record.data.weight ?? 0} ${record.data.port} ${record.data.target}`;
    case 'TXT':
      return [record.data].flat().map(quoted).join(' ');
    case 'CAA':
      return `${record.data.flags ?? 0} ${record.data.tag} ${quoted(record.data.value)}`;
    default:
      return plainText(record.data);
  }
}

function plainText(data: unknown): string {
  if (typeof data === 'string') return data;
  if (data instanceof Uint8Array) return `\\# ${data.length} ${Buffer.from(data).toString('hex')}`.trimEnd();
  if (typeof data !== 'object' || data === null) return String(data);
  return Object.values(data)
    .map((value) => (value instanceof Uint8Array ? Buffer.from(value).toString('base64') : String(value)))
    .join(' ');
}

/** Quotes text; unprintable characters become decimal escapes (RFC 1035, 5.1). */
function quoted(text: string | Uint8Array): string {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  const characters = Array.from(bytes, (byte) => {
    if (byte === 0x22 || byte === 0x5c) return `\\${String.fromCharCode(byte)}`;
    return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\${String(byte).padStart(3, '0')}`;
  });
  return `"${characters.join('')}"`;
}
