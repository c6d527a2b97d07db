import type { ControlLimits } from '../contracts/control-limits.js';
import type { Exit, Launch, LaunchDetails, ProgramSignal, Variables } from '../contracts/spawner.js';

/**
 * The head start of the threads that take datagrams, in steps of `nice`. With half as many, a woken thread still had to
 * wait for others where many machines boot at once.
 */
export const HEAD_START = 10;

/** The user that Jitsu becomes when it gives up root. */
export interface JitsuUser {
  readonly uid: number;
  readonly gid: number;
}

/** A socket by the number under which it was passed to the process that spawns. */
export interface PassedSocket {
  readonly number: number;
  readonly name: string;
}

/** A launch whose sockets were passed before it. */
export type PassedLaunch = Omit<Launch, 'sockets'> & { readonly sockets?: readonly PassedSocket[] | undefined };

/** The same with the number of its inherited variables in place of them. */
export type ListedLaunch = Omit<PassedLaunch, 'inherited'> & { readonly inherited?: number | undefined };

/** The order to spawn a program. */
export interface SpawnOrder {
  readonly number: number;
  readonly launch: PassedLaunch;
  readonly details: LaunchDetails;
}

/** The orders that are taken until the seal. */
export type TrustedOrder =
  | SpawnOrder
  /** Limits of a control group, to be set anew; and a group to be removed with all that runs in it. */
  | { readonly number: number; readonly confine: ControlLimits }
  | { readonly number: number; readonly release: ControlLimits }
  /** What may be launched after the seal; inherited variables that later launches name by their numbers. */
  | {
      readonly inherited: readonly Variables[];
      readonly launches: readonly (readonly [key: string, launch: ListedLaunch])[];
    }
  /** So many sockets have been put into the channel for them, and are to be taken; and why others could not be. */
  | { readonly passed: number; readonly lost: string | undefined }
  /** The runtime folder, in which a ledger of what is spawned is kept from now on. */
  | { readonly ledger: string }
  /** Addresses of which the kernel may be told, after the seal, where their machines are. */
  | { readonly neighbours: readonly string[] }
  /** A group that may be signalled after the seal. */
  | { readonly adopt: number; readonly startTime: string }
  | { readonly number: number; readonly seal: JitsuUser };

/** The orders that are taken once it is sealed. */
export type SealedOrder =
  | { readonly number: number; readonly key: string; readonly details: LaunchDetails }
  /** The same without its output: nothing can be written to its folder. */
  | { readonly number: number; readonly key: string; readonly details: LaunchDetails; readonly silent: true }
  /** The control group of a launch is removed. */
  | { readonly number: number; readonly key: string; readonly release: true }
  /** The folder for the output of a launch is made again. */
  | { readonly number: number; readonly key: string; readonly folder: true }
  | { readonly number: number; readonly group: number; readonly signal: ProgramSignal }
  | { readonly number: number; readonly thread: number; readonly niceness: number }
  /** The kernel is told the MAC address of the machine with one of the listed addresses, or to ask for it anew. */
  | { readonly number: number; readonly neighbour: string; readonly mac: string }
  | { readonly number: number; readonly neighbour: string; readonly ask: true };

/** Why an order could not be carried out. */
export interface SpawnFailure {
  readonly code: string | undefined;
  readonly message: string;
  /** What it is about. */
  readonly path?: string | undefined;
}

/** The results of an order: what it has brought or a failure, and finally the end of what was spawned. */
export type SpawnNews =
  | { readonly number: number; readonly pid: number }
  | { readonly number: number; readonly done: boolean }
  | { readonly number: number; readonly failure: SpawnFailure }
  | { readonly number: number; readonly exit: Exit }
  /** So many sockets have been taken. */
  | { readonly taken: number }
  /** A process has stopped, continued or ended; the system does not say which. */
  | { readonly changed: true };
