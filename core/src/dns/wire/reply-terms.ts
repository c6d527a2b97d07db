/** What a response has to be besides its answer, on account of the asker. */
export interface ReplyTerms {
  /** How long it may be at most, in bytes, where that is less than what the asker can take. */
  readonly sizeLimit?: number;
  /** The data of its COOKIE option, which goes only to askers with EDNS. */
  readonly cookie?: Uint8Array;
  /** Whether it says TC although nothing has been left out. */
  readonly truncated?: boolean;
}
