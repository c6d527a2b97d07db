/** Receives what arrives for one query at the transport by which it was sent. */
export interface ReplyListener {
  /** A message from the upstream with the query's id. The listener checks whether it is a reply to the query. */
  onMessage(message: Uint8Array): void;
  /** A message from the upstream's address whose id belongs to no query has come to the query's source port. */
  onForeignMessage(): void;
  /** No reply will come any more. */
  onLost(reason: Error): void;
}
