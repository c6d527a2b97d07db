import { setMaxListeners } from 'node:events';
import type { Clock } from '@jitsud/core/plugin';
import type { Dispatcher } from 'undici';
import { apiFailure } from './api-failure.js';
import { NetworkInterfaces } from './network-interfaces.js';
import { createPoolClient, LONG_POLL, type PoolAccess, type PoolClient } from './pool-client.js';
import { urlAt } from './pool-hosts.js';
import type { VmRecord } from './vm-record.js';
import { VmRecords, type VmEvent } from './vm-records.js';

/** How long a logout may take, in milliseconds. */
const LOGOUT_TIMEOUT = 1_000;

const CLASSES = ['VM'];

interface HostRecord {
  readonly address: string;
}

interface EventBatch {
  readonly events: readonly VmEvent[];
  readonly token: string;
}

export interface SessionListener {
  /** A VM of the pool has changed, or is gone. */
  onVm(uuid: string): void;
  /** All VMs were read again: anything may have changed. */
  onAll(): void;
}

/** One session with a pool, from the login to its loss or the logout: its VMs in their current state. */
export class PoolSession {
  readonly records: VmRecords;
  readonly interfaces: NetworkInterfaces;
  /** The addresses of the pool's hosts when the session began. */
  #hosts: readonly string[] = [];
  readonly #lost = new AbortController();
  #ended = false;

  private constructor(
    /** The URL of the host that was asked. */
    readonly url: string,
    private readonly client: PoolClient,
    private readonly dispatcher: Dispatcher,
    private readonly clock: Clock,
    private readonly listener: SessionListener,
  ) {
    // Each call under way listens to it.
    setMaxListeners(0, this.#lost.signal);
    this.records = new VmRecords(
      (method, ...parameters) => this.call(method, ...parameters),
      (uuid) => listener.onVm(uuid),
    );
    this.interfaces = new NetworkInterfaces((method, ...parameters) => this.call(method, ...parameters));
  }

  /** Logs in and reads all VMs. Rejects with xen-api's error. */
  static async open(access: PoolAccess, clock: Clock, listener: SessionListener): Promise<PoolSession> {
    const { client, dispatcher } = await createPoolClient(access);
    const session = new PoolSession(access.url, client, dispatcher, clock, listener);
    try {
      await client.connect();
      const [token] = await Promise.all([session.#readAll(), session.#readHosts()]);
      void session.#follow(token);
      return session;
    } catch (error) {
      await session.end();
      throw error;
    }
  }

  get hosts(): readonly string[] {
    return this.#hosts;
  }

  get poolUuid(): string {
    return this.client.pool.uuid;
  }

  /** Aborts, with the reason, when the pool cannot be reached any more. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  call(method: string, ...parameters: readonly unknown[]): Promise<unknown> {
    return this.client.call(method, ...parameters);
  }

  /**
   * Gets a resource of one of the pool's hosts by HTTP.
   * @throws Error for any status but 200
   */
  async get(
    address: string,
    path: string,
    query: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<string> {
    // Its certificate may be for the name by which it is known here.
    const url = new URL(path, this.#hosts.length === 1 ? this.url : urlAt(this.url, address));
    url.search = String(new URLSearchParams({ ...query, session_id: this.client.sessionId }));
    const { request } = await import('undici');
    const { statusCode, body } = await request(url, { dispatcher: this.dispatcher, signal });
    const text = await body.text();
    if (statusCode !== 200) throw new Error(`it said ${statusCode} to ${path}`);
    return text;
  }

  /** Logs out, and closes every connection. Must not be used any more. */
  async end(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    const enough = new AbortController();
    await this.client.disconnect();
    const timeout = this.clock.sleep(LOGOUT_TIMEOUT, enough.signal).catch(() => undefined);
    await Promise.race([this.dispatcher.close(), timeout]);
    enough.abort();
    await this.dispatcher.destroy();
  }

  /** Never rejects: any failure here means that the pool is lost. */
  async #follow(from: string): Promise<void> {
    let token = from;
    try {
      while (!this.#ended) token = await this.#next(token);
    } catch (error) {
      this.#lost.abort(error);
    }
  }

  async #next(token: string): Promise<string> {
    const question = this.records.ask();
    try {
      const batch = await this.#untilRenewed(this.call('event.from', CLASSES, token, LONG_POLL));
      // What a token of another session means is not specified.
      if (batch === undefined) return await this.#readAgain();
      this.records.apply(batch.events, question);
      return batch.token;
    } catch (error) {
      if (apiFailure(error)?.code !== 'EVENTS_LOST') throw error;
      return this.#readAgain();
    }
  }

  /** Undefined as soon as there is a new session, in which xen-api repeats the same request. */
  async #untilRenewed(batch: Promise<unknown>): Promise<EventBatch | undefined> {
    let onRenewed: () => void = () => undefined;
    const renewed = new Promise<undefined>((resolve) => {
      onRenewed = () => resolve(undefined);
      this.client.once('sessionId', onRenewed);
    });
    try {
      return await Promise.race([batch as Promise<EventBatch>, renewed]);
    } finally {
      this.client.off('sessionId', onRenewed);
    }
  }

  async #readAgain(): Promise<string> {
    const token = await this.#readAll();
    this.listener.onAll();
    return token;
  }

  async #readHosts(): Promise<void> {
    const records = (await this.call('host.get_all_records')) as Readonly<Record<string, HostRecord>>;
    this.#hosts = Object.values(records).map(({ address }) => address);
  }

  /** The token is requested first, so that no change in between is missed. */
  async #readAll(): Promise<string> {
    const token = (await this.call('event.inject', 'pool', this.client.pool.$ref)) as string;
    this.records.replace((await this.call('VM.get_all_records')) as Readonly<Record<string, VmRecord>>);
    return token;
  }
}
