import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { frame } from '#core/dns/wire/frame-reader.js';
import type { Endpoint } from '#core/net/endpoint.js';
import type { DnsMutator } from '../dns-mutator.js';
import type { Numbers } from '../numbers-from.js';
import { AbusedConnection } from './abused-connection.js';

/** What is asked between the garbage. */
export interface AbuseQueries {
  /** Queries that are answered by themselves, sooner or later. */
  readonly answered: readonly Uint8Array[];
  /** Queries whose answers nobody will wait for. */
  readonly forsaken: readonly Uint8Array[];
}

/** What has come of it. */
export interface AbuseTally {
  connections: number;
  messages: number;
  answers: number;
  /** Valid queries without an answer, although the server had not closed the connection. */
  missing: number;
  /** Connections that the server closed while it owed answers, or did not take. */
  cutOff: number;
}

const MOST_STEPS = 8;
const FLOOD = 300;
/** How long somebody looks away who stops to read, in milliseconds. */
const LOOKED_AWAY = 20;

/** Uses TCP connections to a DNS server as nobody should, the same way for the same numbers. */
export class TcpAbuser {
  readonly tally: AbuseTally = { connections: 0, messages: 0, answers: 0, missing: 0, cutOff: 0 };
  /** Connections that were left open, about which nobody cares any more. */
  readonly abandoned: AbusedConnection[] = [];
  #id = 0;

  constructor(
    private readonly endpoint: Endpoint,
    private readonly queries: AbuseQueries,
    private readonly mutator: DnsMutator,
    private readonly next: Numbers,
    private readonly mostAbandoned: number,
  ) {}

  /** One connection from its beginning to its end, or until it is abandoned. */
  async connection(): Promise<void> {
    this.tally.connections += 1;
    const connection = await AbusedConnection.open(this.endpoint);
    if (connection === undefined) {
      this.tally.cutOff += 1;
      return;
    }
    let inStep = true;
    for (let steps = this.next(MOST_STEPS); steps >= 0 && inStep; steps -= 1) inStep = await this.#step(connection);
    await this.#end(connection);
  }

  /** Many connections at once that are gone before anything is said, some before they stand. */
  async reconnectStorm(count: number): Promise<void> {
    this.tally.connections += count;
    const { address: host, port } = this.endpoint;
    const ends = Array.from({ length: count }, () => {
      const socket = connect({ host, port });
      const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
      socket.on('error', () => undefined);
      socket.resume();
      if (this.next(4) === 0) socket.destroy();
      else socket.once('connect', () => (this.next(2) === 0 ? socket.resetAndDestroy() : socket.end()));
      return closed;
    });
    await Promise.all(ends);
  }

  /** Does something; false when the stream has lost its frames, so that nothing after it can be understood. */
  async #step(connection: AbusedConnection): Promise<boolean> {
    switch (this.next(9)) {
      case 0:
        return this.#write(connection, this.#query(connection));
      case 1: // In two pieces, cut anywhere.
        return this.#writeCut(connection, this.#query(connection));
      case 2:
        return this.#write(connection, frame(new Uint8Array()));
      case 3:
        return this.#write(connection, this.#garbage());
      case 4:
        return this.#write(connection, frame(this.mutator.mutateLong()));
      case 5: // Valid queries between garbage, and the whole of it cut anywhere.
        return this.#writeCut(connection, Buffer.concat(this.#mixture(connection, 1 + this.next(20))));
      case 6:
        return this.#lookAway(connection);
      case 7: // Less than it claims.
        connection.write(this.#garbage().subarray(0, 1 + this.next(12)));
        return false;
      default: // No frames at all.
        connection.write(this.mutator.mutate());
        return false;
    }
  }

  async #end(connection: AbusedConnection): Promise<void> {
    const { socket } = connection;
    const way = this.next(6);
    if (way === 0 && this.abandoned.length < this.mostAbandoned) {
      this.abandoned.push(connection);
      return;
    }
    // Somebody who waits for something is not there any more.
    if (way === 1) for (const query of this.queries.forsaken) connection.write(frame(query));
    if (way <= 2) return this.#leave(connection, () => socket.resetAndDestroy());
    if (way === 3) return this.#leave(connection, () => socket.destroy());
    // Says no more, and listens on.
    if (way === 4) socket.end();
    await this.#settle(connection);
    return this.#leave(connection, () => socket.destroy());
  }

  async #settle(connection: AbusedConnection): Promise<void> {
    await connection.settled();
    if (connection.owed === 0) return;
    if (connection.socket.closed) this.tally.cutOff += 1;
    else this.tally.missing += connection.owed;
  }

  async #leave(connection: AbusedConnection, close: () => void): Promise<void> {
    close();
    await connection.closed;
    this.tally.answers += connection.answers;
  }

  /** Asks much and reads nothing for a while. */
  async #lookAway(connection: AbusedConnection): Promise<boolean> {
    connection.socket.pause();
    connection.write(Buffer.concat(this.#mixture(connection, FLOOD)));
    await sleep(this.next(LOOKED_AWAY));
    connection.socket.resume();
    return true;
  }

  #mixture(connection: AbusedConnection, count: number): Uint8Array[] {
    return Array.from({ length: count }, () => (this.next(2) === 0 ? this.#query(connection) : this.#garbage()));
  }

  #query(connection: AbusedConnection): Uint8Array {
    this.tally.messages += 1;
    this.#id = (this.#id + 1) & 0xffff;
    const { answered } = this.queries;
    return connection.owe(answered[this.next(answered.length)] as Uint8Array, this.#id);
  }

  #garbage(): Uint8Array {
    this.tally.messages += 1;
    return frame(this.mutator.mutate());
  }

  #write(connection: AbusedConnection, bytes: Uint8Array): boolean {
    connection.write(bytes);
    return true;
  }

  async #writeCut(connection: AbusedConnection, bytes: Uint8Array): Promise<boolean> {
    const cut = this.next(bytes.length);
    connection.write(bytes.subarray(0, cut));
    await sleep(this.next(3));
    connection.write(bytes.subarray(cut));
    return true;
  }
}
