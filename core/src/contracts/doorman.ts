import type { ActivitySource } from './activity-source.js';
import type { MayNeedRoot } from './may-need-root.js';
import type { ServiceEndpoints, ServicePort } from './service-endpoints.js';

/** The first packet of a client for a unikernel that is armed. */
export interface Knock extends ServicePort {
  readonly unikernel: string;
  /** The address that the packet claims to come from; `0.0.0.0` or `::` where the doorman cannot know it. */
  readonly from: string;
  /** Whether the client has shown that it is there, as one whose TCP connection is established has. */
  readonly proven?: boolean | undefined;
}

/**
 * What becomes of a packet: `hold` keeps it until the release; `refuse` answers at once as a closed port does, by RST or
 * ICMP unreachable; `drop` says nothing, so that a TCP client tries again by itself.
 */
export type KnockVerdict = 'hold' | 'refuse' | 'drop';

/** A unikernel to arm; one that is armed already takes over what has changed. */
export interface ArmedService extends ServiceEndpoints {
  /**
   * What becomes of packets of connections that were open before: `pass` while its machine still runs; `hold` where they
   * live on, as they do once it is suspended or paused, so that such a packet is a knock; `refuse` where they have ended
   * with its machine, so that their clients are told at once, by RST.
   */
  readonly connections: 'pass' | 'hold' | 'refuse';
  /**
   * Set beside `pass` while its machine is being ended, by a destroy or a shutdown: `refuse` follows when its end is known.
   * Until then it may have ended already, and what was passed to it since is to be refused as well.
   */
  readonly ending?: boolean | undefined;
}

/**
 * Holds the first packets for unikernels that do not run, so that a connection wakes them as a query does.
 *
 * The core arms a unikernel before it stops it, and whenever it is down; it stays armed while it boots, and until it is
 * ready. Every method may be called again to the same effect.
 */
export interface Doorman extends MayNeedRoot {
  /** What it knows of the traffic to what it guards. */
  readonly activity?: ActivitySource | undefined;

  /**
   * The mark (SO_MARK) by which it tells the packets of readiness probes, which it lets pass. Absent where it tells them
   * in another way.
   */
  readonly probeMark?: number | undefined;

  /**
   * Whether it holds packets of connections that were open before, too, so that what is suspended or paused wakes by them.
   * Absent where only new clients knock.
   */
  readonly holdsConnections?: boolean | undefined;

  /** Whether it can hold packets for this unikernel. Returns at once, and does not throw. */
  guards(endpoints: ServiceEndpoints): boolean;

  /** From when this resolves, first packets to these unikernels are held. Rejects with a `JitsuError`. */
  arm(services: readonly ArmedService[]): Promise<void>;

  /**
   * `deliver`: the service answers; what was held goes on, and nothing is held from now on. `refuse`, `drop`: what was held
   * ends that way, and the unikernel stays armed.
   * @param unikernel its name; one that is not armed changes nothing
   */
  release(unikernel: string, outcome: 'deliver' | 'refuse' | 'drop'): Promise<void>;

  /**
   * Reports each packet that is not known to belong to a client that has knocked since the unikernel was armed, until
   * disposed. The listener returns at once, and does not throw; a packet is held from when it says so, whatever is
   * released next. The core has at most one listener.
   */
  onKnock(listener: (knock: Knock) => KnockVerdict): Disposable;

  /**
   * Reports why it can hold nothing any more, and `undefined` when it can again and holds for all that is armed, until
   * disposed. Without this method it never fails.
   */
  onLoss?(listener: (reason: string | undefined) => void): Disposable;

  /** Called once when Jitsu starts, before all other methods. Rejects, and so fails the start, for problems that only people can solve. */
  open?(): Promise<void>;

  /**
   * Called for `jitsu check`, in place of `open`, and changes nothing: rejects as that would where a right or a tool is
   * missing.
   */
  check?(): Promise<void>;

  /**
   * Called once when Jitsu is about to give up root, with the number of the user that it becomes, and with all that it
   * may have to arm: whatever holds packets for it takes no other addresses from then on, as Jitsu may be under attack.
   */
  beforeDrop?(user: number, services: Iterable<ServiceEndpoints>): Promise<void>;

  /** Called once when Jitsu ends: nothing is held from now on. Also called when `open` has failed. */
  close?(): Promise<void>;
}
