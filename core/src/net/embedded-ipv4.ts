/** 64:ff9b::/96, which all networks may use for translation (RFC 6052, 2.1). */
const WELL_KNOWN = [0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0];

/** 64:ff9b:1::/48, of which each network makes prefixes of its own for translation (RFC 8215). */
const LOCAL_USE = [0x00, 0x64, 0xff, 0x9b, 0x00, 0x01];

/** Where the IPv4 address stands behind a prefix of 48, 56, 64, 96 bits (RFC 6052, 2.2): byte 8 is none of it. */
const PLACES: readonly (readonly [number, number, number, number])[] = [
  [6, 7, 9, 10],
  [7, 9, 10, 11],
  [9, 10, 11, 12],
  [12, 13, 14, 15],
];

/**
 * The IPv4 addresses to which a packet for this IPv6 address of 16 bytes may be translated or tunnelled: that in an
 * IPv4-compatible address (RFC 4291, 2.5.5.1), in one of NAT64 and in one of 6to4 (RFC 3056). Of NAT64 with a prefix of
 * a network's own, each that it may be, as the length of the prefix is not known.
 */
export function embeddedIpv4(address: Uint8Array): readonly Uint8Array[] {
  const [first = 0, second = 0] = address;
  if (first === 0x20 && second === 0x02) return [address.slice(2, 6)];
  if (first !== 0) return [];
  if (second === 0 ? address.subarray(0, 12).every((byte) => byte === 0) : startsWith(address, WELL_KNOWN)) {
    return [address.slice(12)];
  }
  if (!startsWith(address, LOCAL_USE)) return [];
  const places = PLACES.map((place) => Uint8Array.from(place, (index) => address[index] as number));
  // Zeros in front are those of a longer prefix, or behind an address, and none such as 0.0.0.8.
  return places.filter(([byte]) => byte !== 0);
}

function startsWith(address: Uint8Array, prefix: readonly number[]): boolean {
  return prefix.every((byte, index) => address[index] === byte);
}
