import type { MachineId } from './machine.js';
import type { Milliseconds } from './milliseconds.js';

export interface ServicePort {
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
}

/** What counts as use of a service; one object for all unikernels with the same rules. */
export interface UseRules {
  /** An open TCP connection counts while its last payload, in either direction, is not older than this. */
  readonly idle: Milliseconds;
  /** Whether flows that the unikernel itself has opened count. */
  readonly outgoing: boolean;
  /** Whether the kernel's connection tracking may be turned on to know open connections. */
  readonly conntrack: boolean;
  /** Networks whose flows do not count, as ADDRESS/LENGTH. */
  readonly ignored: readonly string[];
}

/** Where the service of a unikernel is reached, for those who watch the traffic to it or hold packets for it. */
export interface ServiceEndpoints {
  /** The name of the unikernel in Jitsu. */
  readonly unikernel: string;
  readonly machine: MachineId;
  /** IPv4 and IPv6; empty while they are not known. */
  readonly addresses: readonly string[];
  /** The configured ports, or those of its readiness probes; empty where there are neither. */
  readonly ports: readonly ServicePort[];
  /** As `00:16:3e:00:00:01`, in device order; empty where they are not known. */
  readonly macs: readonly string[];
  /** The domain id or process id of the running machine, where its backend reports one. */
  readonly domainId?: number | undefined;
  readonly rules: UseRules;
}
