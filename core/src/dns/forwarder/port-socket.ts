/** What a {@link PortSocket} tells of. */
export interface PortEvents {
  /** A datagram has come from the upstream, in memory that is the receiver's to keep. */
  onMessage(message: Uint8Array): void;
  /** The system has told of an error. `fatal`: nothing will ever be sent or received. Never called by `send`. */
  onError(error: Error, fatal: boolean): void;
}

/** A UDP socket with a port of its own, connected to one upstream, so that nobody else is heard. Must be closed. */
export interface PortSocket {
  /** Sends as soon as it can; the bytes must not change until then. */
  send(message: Uint8Array): void;
  close(): void;
}
