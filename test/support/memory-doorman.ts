import { JitsuError } from '#core/errors.js';
import type { ArmedService, Doorman, Knock, KnockVerdict } from '#core/contracts/doorman.js';
import type { ServiceEndpoints } from '#core/contracts/service-endpoints.js';

/** What has become of a packet: `waits` while it is held. */
export type PacketOutcome = 'passed' | 'waits' | 'delivered' | 'refused' | 'dropped';

export interface Packet extends Knock {
  /** Whether it belongs to a connection that is open. */
  readonly isOfConnection: boolean;
  outcome: PacketOutcome;
}

/** Holds packets that tests send, in memory. */
export class MemoryDoorman implements Doorman {
  /** The calls in order: `arm web hold`, `release web deliver`. */
  readonly calls: string[] = [];
  readonly #armed = new Map<string, ArmedService['connections']>();
  readonly #held = new Set<Packet>();
  readonly #known = new Set<string>();
  #onKnock: ((knock: Knock) => KnockVerdict) | undefined;
  #onLoss: ((reason: string | undefined) => void) | undefined;
  /** What arming waits for, and why it fails. */
  beforeArming: () => Promise<void> = async () => undefined;
  isOpen = false;
  readonly holdsConnections = true;

  /** @param guarded the names of what it guards; all where absent */
  constructor(private readonly guarded?: readonly string[]) {}

  get armed(): ReadonlyMap<string, ArmedService['connections']> {
    return this.#armed;
  }

  guards({ unikernel }: ServiceEndpoints): boolean {
    return this.guarded?.includes(unikernel) !== false;
  }

  async arm(services: readonly ArmedService[]): Promise<void> {
    for (const { unikernel, connections } of services) this.calls.push(`arm ${unikernel} ${connections}`);
    await this.beforeArming();
    for (const { unikernel, connections } of services) this.#armed.set(unikernel, connections);
  }

  async release(unikernel: string, outcome: 'deliver' | 'refuse' | 'drop'): Promise<void> {
    this.calls.push(`release ${unikernel} ${outcome}`);
    if (outcome === 'deliver') this.#armed.delete(unikernel);
    for (const key of [...this.#known]) if (key.startsWith(`${unikernel} `)) this.#known.delete(key);
    for (const packet of [...this.#held]) {
      if (packet.unikernel !== unikernel) continue;
      this.#held.delete(packet);
      packet.outcome = ({ deliver: 'delivered', refuse: 'refused', drop: 'dropped' } as const)[outcome];
    }
  }

  onKnock(listener: (knock: Knock) => KnockVerdict): Disposable {
    this.#onKnock = listener;
    return { [Symbol.dispose]: () => (this.#onKnock = undefined) };
  }

  onLoss(listener: (reason: string | undefined) => void): Disposable {
    this.#onLoss = listener;
    return { [Symbol.dispose]: () => (this.#onLoss = undefined) };
  }

  async open(): Promise<void> {
    this.isOpen = true;
  }

  async close(): Promise<void> {
    this.isOpen = false;
    for (const unikernel of [...this.#armed.keys()]) await this.release(unikernel, 'drop');
    this.#armed.clear();
  }

  /** It can hold nothing any more, or holds for all again. */
  lose(reason: string | undefined): void {
    this.#onLoss?.(reason);
  }

  /** A packet is on its way to a unikernel: the first of a client, or one of a connection that is open. */
  send(unikernel: string, { from = '192.0.2.99', protocol = 'tcp', port = 80, isOfConnection = false } = {}): Packet {
    const packet: Packet = {
      ...{ unikernel, from, protocol: protocol as Knock['protocol'], port, isOfConnection, outcome: 'passed' },
    };
    const connections = this.#armed.get(unikernel);
    if (connections === undefined || (isOfConnection && connections === 'pass')) return packet;
    packet.outcome = isOfConnection && connections === 'refuse' ? 'refused' : this.#knock(packet);
    return packet;
  }

  #knock(packet: Packet): PacketOutcome {
    const { unikernel, protocol, port, from } = packet;
    const key = `${unikernel} ${protocol} ${port} ${from}`;
    const verdict = this.#known.has(key) ? 'hold' : (this.#onKnock?.({ unikernel, protocol, port, from }) ?? 'drop');
    if (verdict === 'refuse') return 'refused';
    if (verdict === 'drop') return 'dropped';
    this.#known.add(key);
    this.#held.add(packet);
    return 'waits';
  }
}

/** What a doorman that cannot arm says. */
export function cannotArm(reason: string): JitsuError {
  return new JitsuError('JITSU_BACKEND_FAILED', reason);
}
