import { isIPv6 } from 'node:net';
import type { Dispatcher } from 'undici';
import type { Trust } from './trust.js';

/**
 * How long XAPI may delay its answer to a request for events, in seconds. With a fraction, since XML-RPC would
 * otherwise carry it as a string.
 */
export const LONG_POLL = 10.1;

/** In milliseconds. A pool with thousands of VMs takes its time to list them. */
const TIMEOUT = 10_000;
const LIST_TIMEOUT = 120_000;
const CONNECT_TIMEOUT = 3_000;
const LONG_POLL_TIMEOUT = LONG_POLL * 1_000 + 5_000;

/** Concurrent calls: Jitsu itself bounds the number of boots. */
const CONCURRENCY = 10_000;

/** A client of xen-api, which holds one session at a time. */
export interface PoolClient {
  /** Emitted after a login, also after an automatic one because the old session was no longer valid. */
  once(event: 'sessionId', listener: () => void): unknown;
  off(event: 'sessionId', listener: () => void): unknown;
  readonly sessionId: string;
  readonly pool: { readonly $ref: string; readonly uuid: string };
  connect(): Promise<void>;
  /** Starts the logout, without waiting for its end. */
  disconnect(): Promise<void>;
  call(method: string, ...parameters: readonly unknown[]): Promise<unknown>;
}

export interface PoolAccess {
  readonly url: string;
  readonly user: string;
  readonly password: string;
  readonly trust: Trust;
}

/**
 * Loads xen-api and makes a client with its own dispatcher; to close that closes all connections.
 *
 * xen-api takes no certificate and never closes its connections, so its dispatcher is replaced, which is not
 * documented: hence the narrow version range. Connections are not reused: a connection that the pool closes during its
 * second use cannot be told apart from a pool that is gone.
 */
export async function createPoolClient({ url, user, password, trust }: PoolAccess): Promise<{
  readonly client: PoolClient;
  readonly dispatcher: Dispatcher;
}> {
  const [{ Xapi }, { Agent }] = await Promise.all([import('xen-api'), import('undici')]);
  const agent = new Agent({
    pipelining: 0,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { ...trust, minVersion: 'TLSv1.2', timeout: CONNECT_TIMEOUT },
  });

  const dispatcher = agent.compose((dispatch) => (options, handler) => {
    // xen-api knows the type of a body only by its bare name, and takes `application/json; charset=utf-8`, which is the
    // same (RFC 9110, 8.3), for that of a host that speaks no JSON-RPC. Each request has a handler of its own.
    const onHeaders = handler.onHeaders?.bind(handler);
    handler.onHeaders = (status, headers, ...others) =>
      onHeaders?.(status, headers.map(withoutParameters), ...others) ?? true;
    return dispatch(options, handler);
  });

  class Client extends Xapi implements PoolClient {
    constructor() {
      super({
        url,
        auth: { user, password },
        watchEvents: false,
        callConcurrency: CONCURRENCY,
        callTimeout: timeoutOf,
        roCallRetryOptions: { tries: 1 },
      });
      this._undiciDispatcher = dispatcher;
      // Without this, calls would sleep for a second between a new session and its first use.
      this._sessionCallRetryOptions.delay = 0;
      this._sessionOpenRetryOptions.delay = 0;
      this._setUrl(this._url);
    }

    /** Hosts report their coordinator's address without the brackets that a URL needs. */
    protected override _setUrl(to: Parameters<typeof this.withBrackets>[0]): void {
      super._setUrl(this.withBrackets(to));
    }

    private withBrackets(to: typeof this._url): typeof this._url {
      return isIPv6(to.hostname) ? { ...to, hostname: `[${to.hostname}]` } : to;
    }
  }
  return { client: new Client(), dispatcher: agent };
}

/** @param headers names and values by turns */
function withoutParameters(header: Buffer, index: number, headers: readonly Buffer[]): Buffer {
  if (index % 2 === 0 || headers[index - 1]?.toString('latin1').toLowerCase() !== 'content-type') return header;
  const [type = ''] = header.toString('latin1').split(';', 1);
  return Buffer.from(type.trim().toLowerCase());
}

/**
 * The timeout of a call: power changes take as long as the guest and the disks do; events reveal that the pool is gone.
 */
function timeoutOf(method: string): number {
  if (method === 'event.from') return LONG_POLL_TIMEOUT;
  if (method.endsWith('.get_all_records')) return LIST_TIMEOUT;
  return /^VM\.(?!get_)/.test(method) ? 0 : TIMEOUT;
}
