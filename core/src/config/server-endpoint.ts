import { z } from 'zod';
import { parseAddress } from './ip-address.js';

/** A server's address, and its port where one was given. */
export interface ServerEndpoint {
  readonly address: string;
  readonly port: number | undefined;
}

/** `9.9.9.9`, `9.9.9.9:5353`, `2620:fe::fe`, `[2620:fe::fe]:53`. */
export function parseServerEndpoint(text: string): ServerEndpoint | undefined {
  const [, bracketed, plain, portText] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const address = parseAddress(bracketed ?? plain ?? text);
  const port = portText === undefined ? undefined : Number(portText);
  if (address === undefined || port === 0 || (port ?? 0) > 65_535) return undefined;
  return { address, port };
}

/** The text of an endpoint; parsed, address and port. */
export function serverEndpoint() {
  return z.string({ error: EXPECTED }).transform((text, context): ServerEndpoint => {
    const endpoint = parseServerEndpoint(text);
    if (endpoint !== undefined) return endpoint;
    context.addIssue(EXPECTED);
    return z.NEVER;
  });
}

const EXPECTED = "A server such as '9.9.9.9', '9.9.9.9:5353' or '[2620:fe::fe]:53' expected.";
