/** A query that waits at a transport for its answer. */
export interface Waiting {
  /** A message with its id has come from where it was sent to. What it is, is for the query to judge. */
  heard(message: Uint8Array): void;
  /** Somebody else's message has come to the port that it waits at. */
  suspect(): void;
  /** Nothing will come any more. */
  lost(reason: Error): void;
}
