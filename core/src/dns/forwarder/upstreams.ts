import type { UpstreamSettings } from '../../config/settings.js';

/** The servers that queries are forwarded to, in the order in which they are asked. */
export interface Upstreams {
  /** What is to be asked now. */
  readonly current: readonly UpstreamSettings[];
  open(): Promise<void>;
  close(): void;
}

/** A list that never changes. */
export class FixedUpstreams implements Upstreams {
  constructor(readonly current: readonly UpstreamSettings[]) {}

  async open(): Promise<void> {}

  close(): void {}
}
