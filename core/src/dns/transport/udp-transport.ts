import type { DnsSettings } from '../../config/settings.js';
import type { Logger } from '../../contracts/logger.js';
import { JitsuError } from '../../errors.js';
import { NativeSocketsUnavailable } from '../../net/native-sockets-unavailable.js';
import { loadSocketCalls, type SocketCalls } from '../../net/socket-calls.js';

/** How datagrams are taken: one by one by Node, or many at a time by calls of our own. */
export type UdpTransport = { readonly kind: 'dgram' } | { readonly kind: 'mmsg'; readonly calls: SocketCalls };

const DGRAM: UdpTransport = { kind: 'dgram' };

/** The transport that the settings ask for, as far as this machine has it. @throws JITSU_LISTEN_FAILED */
export async function chooseUdpTransport(setting: DnsSettings['transport'], logger: Logger): Promise<UdpTransport> {
  if (setting === 'dgram') return DGRAM;
  try {
    return { kind: 'mmsg', calls: await loadSocketCalls() };
  } catch (error) {
    return insteadOfMmsg(setting, error, logger);
  }
}

/** What is left when mmsg cannot be had: with `auto` dgram, and a word in the log. @throws JITSU_LISTEN_FAILED */
export function insteadOfMmsg(setting: DnsSettings['transport'], error: unknown, logger: Logger): UdpTransport {
  if (!(error instanceof NativeSocketsUnavailable)) throw error;
  if (setting === 'auto') {
    logger.info({ reason: error.message }, 'datagrams are taken one by one (dgram): mmsg cannot be had here');
    return DGRAM;
  }
  const message = `cannot take datagrams by mmsg: ${error.message}. Leave dns.transport at 'auto', or set it to 'dgram'.`;
  throw new JitsuError('JITSU_LISTEN_FAILED', message, { cause: error });
}
