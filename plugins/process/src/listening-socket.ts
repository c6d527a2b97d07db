import type { LaunchSocket, Milliseconds } from '@jitsud/core/plugin';
import type { ListenEndpoint } from './listen-option.js';

/** A socket of Jitsu at which it never takes what is for a program: what comes waits until one is started. */
export interface ListeningSocket extends ListenEndpoint {
  /** The socket as a program is started with it. */
  forLaunch(): LaunchSocket;

  /** To be called when a program has been started with it. */
  launched(): void;

  /** From now on, calls back whenever something has arrived that may wait, and at once where something does. */
  watch(onArrival: () => void): void;

  /** Ends that; what waits goes on to wait for the program. */
  unwatch(): void;

  /** The same when the program takes what waits. */
  deliver(): void;

  /**
   * From where the connections come that wait, one entry for each, the first ones first: `::` or `0.0.0.0` where nobody
   * can tell. Of datagrams only the first. Throws the system's error.
   */
  clients(): readonly string[];

  /** Resets the first so many connections, or throws the first so many datagrams away. */
  refuse(count: number): void;

  /** How many connections wait, or whether a datagram does. Throws the system's error. */
  waiting(): number;

  /** How many connections the system holds for the program to accept. Throws the system's error. */
  backlog(): number;

  /**
   * When the last datagram came that was read here, by whomever, by the wall clock: `-Infinity` where there was none,
   * `undefined` where nobody can tell. Absent where nothing of datagrams is known.
   */
  lastDatagram?(): Milliseconds | undefined;

  /** What is open by now stays open where a program has it. */
  close(): void;
}

/** A way to have such sockets. */
export interface ListeningSockets {
  /** Throws the system's error. */
  open(endpoint: ListenEndpoint): Promise<ListeningSocket>;

  /**
   * The same socket that a process of an earlier Jitsu has open, of the first of these that has it; `undefined` where none
   * has. Throws the system's error where it may not be known.
   */
  takeBack(endpoint: ListenEndpoint, pids: readonly number[]): ListeningSocket | undefined;

  /** Closes what is shared by all sockets. */
  close(): void;
}
