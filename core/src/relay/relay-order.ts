import type { RelayedPort } from '../config/relay.js';
import type { ArmedService, Knock, KnockVerdict } from '../contracts/doorman.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { Endpoint } from '../net/endpoint.js';
import type { IgnoreRules } from './request-head.js';

/** A unikernel whose clients are relayed. */
export interface RelayedUnikernel {
  readonly unikernel: string;
  readonly ports: readonly RelayedPort[];
  /** An open connection is in use while its last payload is not older. */
  readonly idle: Milliseconds;
  /** Networks whose clients neither wake the unikernel nor use it, as ADDRESS/LENGTH. */
  readonly ignored: readonly string[];
}

export interface RelayOrder {
  readonly unikernels: readonly RelayedUnikernel[];
  readonly ignore?: IgnoreRules | undefined;
  /** Connections without payload for that long are cut. */
  readonly idle: Milliseconds;
}

/** A port at which a relay could not listen. */
export interface ListenFailure {
  readonly unikernel: string;
  readonly protocol: 'tcp' | 'udp';
  readonly listen: Endpoint;
  readonly code: string | undefined;
  readonly message: string;
}

/** What is known of the traffic to a unikernel; times are ages, since the threads have clocks of their own. */
export interface RelayedTraffic {
  readonly connections: number;
  /** How long ago the last packet came that counts as use; absent where there was none. */
  readonly sinceLastPacket?: Milliseconds;
  /** The addresses of some clients whose connections count. */
  readonly clients: readonly string[];
}

export type ArmedRelay = Pick<ArmedService, 'unikernel' | 'connections'>;

export interface RelayCalls {
  arm(services: readonly ArmedRelay[]): void;
  release(unikernel: string, outcome: 'deliver' | 'refuse' | 'drop'): void;
  observe(unikernel: string): RelayedTraffic;
  close(): Promise<void>;
}

/** Asks whether a first packet is held. */
export type AskVerdict = (knock: Knock) => Promise<KnockVerdict>;
