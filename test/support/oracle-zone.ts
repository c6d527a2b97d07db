/** The TTL of all that is in the zone, in seconds. */
export const ORACLE_TTL = 3_600;

/** Addresses that do not fit into 512 bytes, and into 1232 not either. */
const bulk = (name: string, count: number): string =>
  Array.from({ length: count }, (_, index) => `${name} A 192.0.2.${index + 1}`).join('\n');

/** A zone with every common type and every kind of name, for servers to be compared by. */
export function oracleZone(origin: string): string {
  return `$ORIGIN ${origin}.
$TTL ${ORACLE_TTL}
@ SOA ns hostmaster 2026 3600 600 86400 300
@ NS ns
@ NS ns2.sub
@ MX 10 mail
@ CAA 0 issue "ca.example.net"
ns A 192.0.2.53
ns AAAA 2001:db8::53
ns2.sub A 192.0.2.54
mail A 192.0.2.25
www A 192.0.2.1
www AAAA 2001:db8::1
www HTTPS 1 . alpn=h2,h3 port=8443
_dns.www SVCB 1 ns alpn=dot
_sip._tcp SRV 0 5 5060 www
odd TYPE65534 \\# 6 c00cff004100
\\000\\255\\.x A 192.0.2.66
text TXT "short" "second string"
long TXT ${Array.from({ length: 6 }, (_, index) => `"${String(index).repeat(250)}"`).join(' ')}
alias CNAME alias2
alias2 CNAME alias3
alias3 CNAME www
dangling CNAME nowhere
tree DNAME other
a.other A 192.0.2.77
*.wild A 192.0.2.88
*.wild TXT "from a wildcard"
kept.wild A 192.0.2.89
deep.below.empty A 192.0.2.99
${bulk('sixty', 60)}
${bulk('hundred', 100)}
ptr PTR www
info HINFO "cpu" "os"
loc LOC 52 22 23.000 N 4 53 32.000 E -2.00m
naptr NAPTR 100 10 "U" "E2U+sip" "!^.*$!sip:a@b!" .
tlsa TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
child NS ns.child
ns.child A 127.0.0.1
`;
}

const [
  A,
  NS,
  CNAME,
  SOA,
  PTR,
  HINFO,
  MX,
  TXT,
  AAAA,
  LOC,
  SRV,
  NAPTR,
  DNAME,
  DS,
  RRSIG,
  NSEC,
  DNSKEY,
  TLSA,
  SVCB,
  HTTPS,
  CAA,
] = [1, 2, 5, 6, 12, 13, 15, 16, 28, 29, 33, 35, 39, 43, 46, 47, 48, 52, 64, 65, 257] as const;

/** Questions about it: the name below the zone's, and the type. */
export const ORACLE_QUESTIONS: readonly (readonly [string, number])[] = [
  ...([SOA, NS, MX, CAA, A, DNSKEY, DS, NSEC, RRSIG] as const).map((type) => ['', type] as const),
  ...([A, AAAA, HTTPS, MX] as const).map((type) => ['WwW', type] as const),
  ['_dns.www', SVCB],
  ['_sip._tcp', SRV],
  ['odd', 65_534],
  ['\\000\\255\\.x', A],
  ['text', TXT],
  ['long', TXT],
  ['alias', A],
  ['alias', AAAA],
  ['alias', CNAME],
  ['dangling', A],
  ['tree', DNAME],
  ['a.tree', A],
  ['b.tree', A],
  ['any.thing.wild', A],
  ['x.WILD', TXT],
  ['x.wild', MX],
  ['kept.wild', TXT],
  ['*.wild', A],
  ['empty', A],
  ['below.empty', TXT],
  ['deep.below.empty', A],
  ['nobody', A],
  ['no.such.name', HTTPS],
  ['sixty', A],
  ['hundred', A],
  ['ptr', PTR],
  ['info', HINFO],
  ['loc', LOC],
  ['naptr', NAPTR],
  ['tlsa', TLSA],
  ['www.child', A],
  ['child', DS],
];
