/** Takes packets that rules of this host's packet filter hold, until something is said of each. */
export interface PacketHolder extends Disposable {
  /** Takes packets from now on. */
  start(taken: (packet: number, bytes: Buffer) => void, failed: (reason: string) => void): void;
  /** They go on their way. */
  accept(packets: readonly number[]): void;
  /** They are answered as a closed port does. */
  refuse(packets: readonly number[]): void;
  drop(packets: readonly number[]): void;
}
