import type { DnsClient } from '../../contracts/resolver.js';

/**
 * Takes a message from a transport and returns the reply, or `undefined` for none: synchronously where it is known.
 * Must neither throw nor reject.
 */
export type MessageHandler = (
  message: Uint8Array,
  client: DnsClient,
  /** Aborts when the client is gone. */
  signal?: AbortSignal,
) => Uint8Array | undefined | Promise<Uint8Array | undefined>;
