const DOT = 0x2e;
const COLON = 0x3a;

/**
 * Reads an address without a zone (RFC 4291, 2.2, RFC 6943, 3.1.1).
 * @returns its 4 or 16 bytes, one in each character; empty for what is no address
 */
export function readAddress(text: string): string {
  return text.includes(':') ? readIpv6(text) : ipv4Text(readIpv4(text, 0));
}

/** The hexadecimal digits of an address without a zone; empty for what is none. */
export function hexDigits(text: string): string {
  return Buffer.from(readAddress(text), 'latin1').toString('hex');
}

/** @returns the address as a number, from this place on; -1 for what is none */
function readIpv4(text: string, from: number): number {
  let address = 0;
  let part = 0;
  let digits = 0;
  let parts = 0;
  for (let at = from; at <= text.length; at += 1) {
    const code = at === text.length ? DOT : text.charCodeAt(at);
    if (code === DOT) {
      if (digits === 0 || part > 255) return -1;
      address = address * 256 + part;
      parts += 1;
      part = 0;
      digits = 0;
    } else {
      // A zero in front means octal digits to some.
      if (code < 0x30 || code > 0x39 || digits === 3 || (digits > 0 && part === 0)) return -1;
      part = part * 10 + code - 0x30;
      digits += 1;
    }
  }
  return parts === 4 ? address : -1;
}

function ipv4Text(address: number): string {
  if (address === -1) return '';
  return String.fromCharCode(address >>> 24, (address >>> 16) & 0xff, (address >>> 8) & 0xff, address & 0xff);
}

function readIpv6(text: string): string {
  const words: number[] = [];
  let gap = text.startsWith('::') ? 0 : -1;
  let at = gap === 0 ? 2 : 0;
  while (at < text.length) {
    const colon = text.indexOf(':', at);
    if (colon === -1 && text.includes('.', at)) {
      const address = readIpv4(text, at);
      if (address === -1) return '';
      words.push(address >>> 16, address & 0xffff);
      break;
    }
    const end = colon === -1 ? text.length : colon;
    const word = readWord(text, at, end);
    if (word === -1) return '';
    words.push(word);
    at = end + 1;
    if (at === text.length) return '';
    if (text.charCodeAt(at) !== COLON || end === text.length) continue;
    if (gap !== -1) return '';
    gap = words.length;
    at += 1;
  }
  if (gap === -1 ? words.length !== 8 : words.length > 7) return '';
  const bytes: number[] = [];
  for (let place = 0; place < words.length; place += 1) {
    if (place === gap) pushZeros(bytes, 8 - words.length);
    bytes.push((words[place] as number) >> 8, (words[place] as number) & 0xff);
  }
  if (gap === words.length) pushZeros(bytes, 8 - words.length);
  return String.fromCharCode(...bytes);
}

/** @returns -1 for what is none */
function readWord(text: string, from: number, end: number): number {
  if (end === from || end - from > 4) return -1;
  let word = 0;
  for (let at = from; at < end; at += 1) {
    const code = text.charCodeAt(at) | 0x20;
    const digit = code >= 0x61 && code <= 0x66 ? code - 0x57 : text.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 15 || (digit > 9 && code < 0x61)) return -1;
    word = word * 16 + digit;
  }
  return word;
}

function pushZeros(bytes: number[], words: number): void {
  for (let count = 0; count < words; count += 1) bytes.push(0, 0);
}
