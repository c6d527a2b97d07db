import type { DnsClient } from '../../contracts/resolver.js';

/**
 * Takes a message off a transport and gives the reply, or `undefined` for none: at once where it is at hand. Must neither
 * throw nor reject.
 */
export type MessageHandler = (
  message: Uint8Array,
  client: DnsClient,
  /** Aborts when the client is gone. */
  signal?: AbortSignal,
) => Uint8Array | undefined | Promise<Uint8Array | undefined>;
