import { isIPv6 } from 'node:net';
import type { Dispatcher } from 'undici';
import type { Trust } from './trust.js';

/** How long XAPI may keep us waiting for an event. With a fraction, or XML-RPC would carry it as a string. In seconds. */
export const LONG_POLL = 10.1;

/** In milliseconds. */
const PATIENCE = 10_000;
const CONNECT_PATIENCE = 3_000;
const LONG_POLL_PATIENCE = LONG_POLL * 1_000 + 5_000;

/** Calls beside each other: the bound is Jitsu's own, on boots. */
const CONCURRENCY = 10_000;

/** A client of xen-api, which holds one session at a time. */
export interface PoolClient {
  /** Emitted when it has logged in, also by itself because the old session was no longer valid. */
  once(event: 'sessionId', listener: () => void): unknown;
  off(event: 'sessionId', listener: () => void): unknown;
  readonly pool: { readonly $ref: string; readonly uuid: string };
  connect(): Promise<void>;
  /** Logs out, without waiting for that. */
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
 * Loads xen-api and makes a client with a dispatcher of its own; whoever closes that has closed all connections.
 *
 * xen-api takes no certificate and never closes what it has opened, so its dispatcher is replaced, which is in no
 * documented way: hence the narrow version range. Connections are not kept for a second call: one that the pool closes
 * as it is used again cannot be told from a pool that is gone.
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
    connect: { ...trust, minVersion: 'TLSv1.2', timeout: CONNECT_PATIENCE },
  });

  class Client extends Xapi implements PoolClient {
    constructor() {
      super({
        url,
        auth: { user, password },
        watchEvents: false,
        callConcurrency: CONCURRENCY,
        callTimeout: patienceFor,
        roCallRetryOptions: { tries: 1 },
      });
      this._undiciDispatcher = agent;
      // They sleep for a second otherwise, between a new session and its first use.
      this._sessionCallRetryOptions.delay = 0;
      this._sessionOpenRetryOptions.delay = 0;
      this._setUrl(this._url);
    }

    /** A host says its coordinator's address as it is, without the brackets that a URL needs. */
    protected override _setUrl(to: Parameters<typeof this.withBrackets>[0]): void {
      super._setUrl(this.withBrackets(to));
    }

    private withBrackets(to: typeof this._url): typeof this._url {
      return isIPv6(to.hostname) ? { ...to, hostname: `[${to.hostname}]` } : to;
    }
  }
  return { client: new Client(), dispatcher: agent };
}

/** What changes a VM's power takes as long as the guest and the disks do; that the pool is gone, events will tell. */
function patienceFor(method: string): number {
  if (method === 'event.from') return LONG_POLL_PATIENCE;
  return /^VM\.(?!get_)/.test(method) ? 0 : PATIENCE;
}
