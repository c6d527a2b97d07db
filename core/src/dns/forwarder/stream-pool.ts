import type { Milliseconds } from '../../contracts/milliseconds.js';
import { StreamConnection, type StreamSurroundings } from './stream-connection.js';
import type { StreamConnector } from './stream-connector.js';
import type { StreamQuery } from './stream-query.js';

/** One connection does for nearly everybody; a further one is opened where all are full. */
const MOST_CONNECTIONS = 8;

/** How many connections may end under a query, and how many of them without an answer to anybody. */
const MOST_LOSSES = 8;
const MOST_FRUITLESS = 2;

/** The connections to one upstream: kept open and shared. */
export class StreamPool {
  private readonly connections = new Set<StreamConnection>();
  private closed: Error | undefined;

  constructor(
    private readonly connector: StreamConnector,
    private readonly around: StreamSurroundings,
  ) {}

  /**
   * Sends a query. If its connection ends before the answer it is sent once more on a new one (RFC 7766, 6.2.4), and as
   * long as each connection brings an answer to somebody.
   */
  send(query: StreamQuery): void {
    if (query.abandoned) return;
    const connection = this.closed === undefined ? this.withRoom() : undefined;
    if (connection !== undefined) connection.send(query);
    else query.waiting.lost(this.closed ?? new Error('too many queries wait on its connections'));
  }

  /** A query that was sent then has had no answer in time. */
  doubt(sentAt: Milliseconds): void {
    for (const connection of [...this.connections]) connection.doubt(sentAt);
  }

  /** Closes all at once; what waits fails for this reason. */
  close(reason: Error): void {
    this.closed = reason;
    for (const connection of [...this.connections]) connection.end(reason);
  }

  private withRoom(): StreamConnection | undefined {
    for (const connection of this.connections) if (connection.hasRoom) return connection;
    return this.connections.size < MOST_CONNECTIONS ? this.open() : undefined;
  }

  private open(): StreamConnection {
    const connection: StreamConnection = new StreamConnection(this.connector, this.around, (left, reason, worthIt) => {
      this.connections.delete(connection);
      for (const query of left) {
        const another = worthIt && query.losses < MOST_LOSSES && query.fruitless < MOST_FRUITLESS;
        if (another) this.send(query);
        else if (!query.abandoned) query.waiting.lost(reason);
      }
    });
    this.connections.add(connection);
    return connection;
  }
}
