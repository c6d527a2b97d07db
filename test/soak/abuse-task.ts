/** What the thread that abuses a Jitsu is told. */
export interface AbuseTask {
  readonly port: number;
  readonly seed: number;
  /** Spoilt messages, over UDP and TCP together. */
  readonly perSecond: number;
}

/** What it has done so far. */
export interface AbuseCounts {
  readonly datagrams: number;
  /** Over TCP, valid ones among them. */
  readonly messages: number;
  readonly connections: number;
  /** Valid queries over TCP that were never answered, on connections that the server had left open. */
  readonly missing: number;
  readonly answers: number;
}
