import type { Connection, Request } from './connection.js';
import { MessageType } from './message-type.js';
import { decodeAcknowledgement, decodeString, encodeStrings } from './payload.js';
import { XenstoreError } from './xenstore-error.js';
import { XenstoreNodes } from './xenstore-nodes.js';

/** A view of the store as it was when the transaction began; its changes take effect at its end, all or none. */
export class Transaction extends XenstoreNodes {
  #ended = false;

  private constructor(
    private readonly connection: Connection,
    private readonly id: number,
  ) {
    super();
  }

  static async begin(connection: Connection): Promise<Transaction> {
    const id = await connection.request({
      type: MessageType.startTransaction,
      action: 'begin a transaction',
      payload: encodeStrings(''),
      decode: (payload) => Number(decodeString(payload, /^[1-9]\d{0,9}$/)),
    });
    return new Transaction(connection, id >>> 0);
  }

  /** Commits all changes; rejects with `EAGAIN` when others have changed what it has used. */
  commit(): Promise<void> {
    return this.#end('T', 'commit a transaction');
  }

  /** Discards all changes. */
  abandon(): Promise<void> {
    return this.#end('F', 'abandon a transaction');
  }

  protected override async send<T>(request: Request<T>): Promise<T> {
    // xenstored may have given its id to another one.
    if (this.#ended) throw new XenstoreError('EINVAL', request.action, 'its transaction has ended');
    return this.connection.request(request, this.id);
  }

  #end(verdict: 'T' | 'F', action: string): Promise<void> {
    this.#ended = true;
    const payload = encodeStrings(verdict);
    const type = MessageType.endTransaction;
    return this.connection.request({ type, action, payload, decode: decodeAcknowledgement }, this.id);
  }
}
