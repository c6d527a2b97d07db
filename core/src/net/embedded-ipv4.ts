/** 64:ff9b::/96, which all networks may use for translation (RFC 6052, 2.1). */
const WELL_KNOWN = [0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0];

/** ::/96 and 2002::/16. */
const COMPATIBLE = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const SIX_TO_FOUR = [0x20, 0x02];

/** 64:ff9b:1::/48, of which each network makes prefixes of its own for translation (RFC 8215). */
const LOCAL_USE = [0x00, 0x64, 0xff, 0x9b, 0x00, 0x01];

/** Where the IPv4 address stands behind a prefix of 48, 56, 64, 96 bits (RFC 6052, 2.2): byte 8 is none of it. */
const PLACES: readonly (readonly [number, number, number, number])[] = [
  [6, 7, 9, 10],
  [7, 9, 10, 11],
  [9, 10, 11, 12],
  [12, 13, 14, 15],
];

/** The one address that is looked at: a message may hold thousands. */
const embedded = new Uint8Array(4);

/**
 * Whether `isWanted` one of the IPv4 addresses to which a packet for this IPv6 address of 16 bytes may be translated or
 * tunnelled: that in an IPv4-compatible address (RFC 4291, 2.5.5.1), in one of NAT64 and in one of 6to4 (RFC 3056). Of
 * NAT64 with a prefix of a network's own, each that it may be, as the length of the prefix is not known. What `isWanted`
 * is given is not valid after the call.
 */
export function someEmbeddedIpv4(address: Uint8Array, isWanted: (ipv4: Uint8Array) => boolean): boolean {
  const isWantedAt = ([one, two, three, four]: (typeof PLACES)[number]): boolean => {
    embedded[0] = address[one] as number;
    embedded[1] = address[two] as number;
    embedded[2] = address[three] as number;
    embedded[3] = address[four] as number;
    return isWanted(embedded);
  };
  if (startsWith(address, SIX_TO_FOUR)) return isWantedAt([2, 3, 4, 5]);
  if (address[0] !== 0) return false;
  if (startsWith(address, COMPATIBLE) || startsWith(address, WELL_KNOWN)) return isWantedAt([12, 13, 14, 15]);
  if (!startsWith(address, LOCAL_USE)) return false;
  // Zeros in front are those of a longer prefix, or behind an address, and none such as 0.0.0.8.
  return PLACES.some((place) => address[place[0]] !== 0 && isWantedAt(place));
}

function startsWith(address: Uint8Array, prefix: readonly number[]): boolean {
  for (let index = 0; index < prefix.length; index++) if (address[index] !== prefix[index]) return false;
  return true;
}
