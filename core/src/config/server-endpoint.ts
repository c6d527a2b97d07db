import { z } from 'zod';
import { parseDnsName } from './dns-name.js';
import { parseAddress } from './ip-address.js';

/** A server's address, its port where one was given, and how it is spoken to. */
export interface ServerEndpoint {
  readonly address: string;
  readonly port: number | undefined;
  readonly transport: 'udp' | 'tcp' | 'tls';
  /** The name that its certificate must have, where one was given. */
  readonly name?: string;
}

/**
 * `9.9.9.9`, `9.9.9.9:5353`, `2620:fe::fe`, `[2620:fe::fe]:53`; the same behind `tcp://` and `tls://`; behind the latter
 * `#NAME` may follow.
 */
export function parseServerEndpoint(text: string): ServerEndpoint | undefined {
  const [, scheme, place = '', nameText] = /^(?:(tcp|tls):\/\/)?([^#]*)(?:#(.*))?$/s.exec(text) ?? [];
  const transport = scheme === 'tcp' || scheme === 'tls' ? scheme : 'udp';
  const [, bracketed, plain, portText] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(place) ?? [];
  const address = parseAddress(bracketed ?? plain ?? place);
  const port = portText === undefined ? undefined : Number(portText);
  if (address === undefined || port === 0 || (port ?? 0) > 65_535) return undefined;
  if (nameText === undefined) return { address, port, transport };
  const name = parseDnsName(nameText);
  if (transport !== 'tls' || name === undefined || name.startsWith('*')) return undefined;
  return { address, port, transport, name };
}

/** The text of an endpoint; parsed, all that it says. */
export function serverEndpoint() {
  return z.string({ error: EXPECTED }).transform((text, context): ServerEndpoint => {
    const endpoint = parseServerEndpoint(text);
    if (endpoint !== undefined) return endpoint;
    context.addIssue(expectationFor(text));
    return z.NEVER;
  });
}

function expectationFor(text: string): string {
  if (text.startsWith('tls://')) return EXPECTED_TLS;
  if (text.startsWith('tcp://')) return EXPECTED_TCP;
  return text.includes('#') ? EXPECTED_NO_NAME : EXPECTED;
}

const EXPECTED =
  "A server such as '9.9.9.9', '[2620:fe::fe]:53', 'tcp://9.9.9.9' or 'tls://9.9.9.9#dns.quad9.net' expected.";
const EXPECTED_TCP = "An address such as 'tcp://9.9.9.9' or 'tcp://[2620:fe::fe]:53' expected.";
const EXPECTED_TLS =
  "An address such as 'tls://9.9.9.9', 'tls://[2620:fe::fe]:853' or 'tls://9.9.9.9#dns.quad9.net' expected; behind # " +
  'stands the name in its certificate.';
const EXPECTED_NO_NAME = "A server without a name expected: only 'tls://9.9.9.9#dns.quad9.net' has one to be checked.";
