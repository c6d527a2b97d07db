import { isIPv4, isIPv6 } from 'node:net';
import { z } from 'zod';

/** Sockets that Jitsu opens for a program: one at each address of the unikernel, or at the address that is named. */
export interface ListenOption {
  readonly protocol: 'tcp' | 'udp';
  /** In the form of {@link plainText}. */
  readonly address?: string;
  readonly port: number;
  /** What the program finds in `LISTEN_FDNAMES`. */
  readonly name: string;
}

/** One of these sockets. */
export interface ListenEndpoint {
  readonly protocol: 'tcp' | 'udp';
  readonly address: string;
  readonly port: number;
  readonly name: string;
}

const FORM =
  "A socket such as 'tcp:8080', 'udp:5353', 'tcp:127.0.0.9:8080', 'tcp:[::1]:8080' or 'tcp:8080=web' expected.";

/** As systemd has it for FileDescriptorName=: printable ASCII without a colon. */
const NAME = 'A name behind = has up to 255 printable ASCII characters without a colon.';

/** What sd_listen_fds_with_names(3) says of a socket without a name. */
const NO_NAME = 'unknown';

/** The most sockets of one unikernel. */
export const MOST_SOCKETS = 64;

const one = z.string({ error: FORM }).transform((text, context): ListenOption => {
  const [, protocol, bracketed, plain, digits = '', , name] =
    /^(tcp|udp):(?:\[([^\]]*)\]:|([^:[\]]*):)?(\d{1,5})(=(.*))?$/.exec(text) ?? [];
  const address = bracketed ?? plain;
  const port = Number(digits);
  const isAddress =
    address === undefined || (bracketed === undefined ? isIPv4(address) : isIPv6(address) && !address.includes('%'));
  const isWrong = protocol === undefined || port < 1 || port > 65_535 || !isAddress;
  const isNamed = name === undefined || /^[\x20-\x39\x3b-\x7e]{1,255}$/.test(name);
  if (isWrong || !isNamed) {
    context.addIssue({ code: 'custom', message: isWrong ? FORM : NAME, continue: true });
    return z.NEVER;
  }
  return {
    protocol: protocol as 'tcp' | 'udp',
    ...(address !== undefined && { address: plainText(address) }),
    port,
    name: name ?? NO_NAME,
  };
});

/** One or a list, parsed to a list. */
export const listenOption = z
  .union([one, z.array(one).min(1, FORM)], { error: FORM })
  .transform((given): readonly ListenOption[] => [given].flat());

/** The sockets, in the order in which the program gets them. @param addresses those of the unikernel */
export function listenEndpoints(
  options: readonly ListenOption[],
  addresses: readonly string[],
): readonly ListenEndpoint[] {
  return options.flatMap(({ address, ...option }) =>
    (address === undefined ? addresses.map(plainText) : [address]).map((each) => ({ ...option, address: each })),
  );
}

/** An address as the system writes it, too. */
export function plainText(address: string): string {
  return isIPv6(address) && !address.includes('%') ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address;
}

/** For people. */
export function endpointWords({ protocol, address, port }: ListenEndpoint): string {
  return `${protocol} ${isIPv6(address) ? `[${address}]` : address}:${port}`;
}
