/** Receives the messages for one query from the transport that has sent it. */
export interface ReplyListener {
  /** A message from the upstream with the query's id. The listener checks whether it is a reply to the query. */
  onMessage(message: Uint8Array): void;
  /** Called for a message from the upstream's address, to the query's source port, whose id belongs to no query. */
  onForeignMessage(): void;
  /** Called when no reply will come any more. */
  onLost(reason: Error): void;
}
