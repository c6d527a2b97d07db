import type { DnsClient } from '../../contracts/resolver.js';

/** Takes a message off a transport and gives the reply, or `undefined` for none. Must not reject. */
export type MessageHandler = (
  message: Uint8Array,
  client: DnsClient,
  /** Aborts when the asker is gone. */
  signal?: AbortSignal,
) => Promise<Uint8Array | undefined>;
