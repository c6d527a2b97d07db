import {
  errorMessage,
  JitsuError,
  type ArmedService,
  type Clock,
  type Doorman,
  type Knock,
  type KnockVerdict,
  type Logger,
  type Milliseconds,
  type ServiceEndpoints,
} from '@jitsud/core/plugin';
import type { HeldListeners } from './held-listeners.js';
import { endpointWords } from './listen-option.js';
import type { ListeningSocket } from './listening-socket.js';

/** When a client whose packet was dropped would send it again (RFC 6298, 2), for the first time and at most. */
const FIRST_RETRY: Milliseconds = 1_000;
const LAST_RETRY: Milliseconds = 32_000;

/** How long a program that still runs has to take what has come before that counts as a knock. */
const TAKING: Milliseconds = 100;

/** Clients whose address nobody could tell. */
const UNKNOWN = ['0.0.0.0', '::'];

/** How many datagrams of one socket are judged in one turn of the event loop. */
const MOST_DATAGRAMS = 256;

interface Armed {
  readonly unikernel: string;
  /** Whether its program still runs. */
  isRunning: boolean;
  watched: readonly Watched[];
}

/** One socket of an armed unikernel. */
interface Watched {
  readonly armed: Armed;
  readonly socket: ListeningSocket;
  /** Whether somebody has knocked, and waits for the unikernel. */
  isHeld: boolean;
  /** How many of those that wait were dropped: they are told again in time, and not when others come. */
  dropped: number;
  /**
   * The next look at what was dropped, whose client sends nothing again since for him the connection is open, or at what a
   * running program may be about to take.
   */
  retry: Disposable | undefined;
  pause: Milliseconds;
}

/**
 * Has what comes for a program wait in the sockets of Jitsu, with which the program is started. A connection there is
 * established before anybody has seen it, so that its client is known to be where he says; and a dropped one is held.
 */
export class ListenDoorman implements Doorman {
  readonly #armed = new Map<string, Armed>();
  #listener: ((knock: Knock) => KnockVerdict) | undefined;

  constructor(
    private readonly listeners: HeldListeners,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  guards({ machine }: ServiceEndpoints): boolean {
    return this.listeners.of(machine) !== undefined;
  }

  async arm(services: readonly ArmedService[]): Promise<void> {
    const problems: string[] = [];
    for (const { unikernel, machine, connections } of services) {
      const known = this.#armed.get(unikernel);
      if (known !== undefined) {
        known.isRunning = connections === 'pass';
        for (const each of known.watched) this.#look(each);
        continue;
      }
      const sockets = this.listeners.of(machine);
      if (sockets === undefined) {
        problems.push(`${unikernel} has no socket that Jitsu could hold`);
        continue;
      }
      const armed: Armed = { unikernel, isRunning: connections === 'pass', watched: [] };
      armed.watched = sockets.map((socket) => ({
        armed,
        socket,
        isHeld: false,
        dropped: 0,
        retry: undefined,
        pause: FIRST_RETRY,
      }));
      this.#armed.set(unikernel, armed);
      try {
        for (const each of armed.watched) this.#watch(each);
      } catch (error) {
        this.#disarm(unikernel);
        problems.push(`the sockets of ${unikernel} cannot be watched: ${errorMessage(error)}`);
      }
    }
    if (problems.length > 0) throw new JitsuError('JITSU_BACKEND_FAILED', `${problems.join('; ')}.`);
  }

  async release(unikernel: string, outcome: 'deliver' | 'refuse' | 'drop'): Promise<void> {
    if (outcome === 'deliver') {
      for (const { socket } of this.#armed.get(unikernel)?.watched ?? []) socket.deliver();
      return this.#disarm(unikernel);
    }
    for (const watched of this.#armed.get(unikernel)?.watched ?? []) {
      if (outcome === 'drop') this.#postpone(watched);
      else this.#refuseAll(watched);
      if (watched.isHeld) this.#watch(watched);
    }
  }

  onKnock(listener: (knock: Knock) => KnockVerdict): Disposable {
    this.#listener = listener;
    for (const { watched } of this.#armed.values()) for (const each of watched) this.#look(each);
    return {
      [Symbol.dispose]: () => {
        if (this.#listener === listener) this.#listener = undefined;
      },
    };
  }

  async close(): Promise<void> {
    for (const unikernel of this.#armed.keys()) this.#disarm(unikernel);
  }

  #watch(watched: Watched): void {
    watched.isHeld = false;
    watched.socket.watch(() => {
      if (watched.armed.isRunning) this.#lookAfter(watched, TAKING);
      else this.#look(watched);
    });
  }

  #disarm(unikernel: string): void {
    for (const { socket, retry } of this.#armed.get(unikernel)?.watched ?? []) {
      retry?.[Symbol.dispose]();
      socket.unwatch();
    }
    this.#armed.delete(unikernel);
  }

  #isArmed(watched: Watched): boolean {
    return this.#armed.get(watched.armed.unikernel) === watched.armed;
  }

  #look(watched: Watched): void {
    const {
      socket,
      armed: { unikernel },
    } = watched;
    if (watched.isHeld || this.#listener === undefined || !this.#isArmed(watched)) return;
    try {
      for (let looks = 1; looks <= MOST_DATAGRAMS; looks += 1) {
        const clients = socket.clients();
        // The program has taken it.
        if (clients.length === 0 || (watched.retry !== undefined && clients.length <= watched.dropped)) return;
        const verdict = this.#verdict(watched, clients);
        if (verdict === 'hold') return this.#hold(watched);
        if (verdict === 'drop' && socket.protocol === 'tcp') return this.#drop(watched);
        socket.refuse(clients.length);
      }
      setImmediate(() => this.#look(watched));
    } catch (error) {
      const message = `Nobody can say whether something waits at ${endpointWords(socket)} for ${unikernel}: ${errorMessage(error)}`;
      this.logger.warn({ unikernel }, message);
    }
  }

  /** Connections cannot be told apart once they wait: for one that is held, all are. */
  #verdict({ armed: { unikernel }, socket: { protocol, port } }: Watched, clients: readonly string[]): KnockVerdict {
    const verdicts = [...new Set(clients)].map((from) => {
      const proven = protocol === 'tcp' && !UNKNOWN.includes(from);
      return this.#listener?.({ unikernel, protocol, port, from, proven });
    });
    return verdicts.includes('hold') ? 'hold' : verdicts.includes('drop') ? 'drop' : 'refuse';
  }

  #hold(watched: Watched): void {
    watched.isHeld = true;
    watched.retry?.[Symbol.dispose]();
    watched.retry = undefined;
    watched.socket.unwatch();
  }

  #drop(watched: Watched): void {
    if (watched.pause > LAST_RETRY) return this.#refuseAll(watched);
    watched.dropped = watched.socket.waiting();
    if (this.#lookAfter(watched, watched.pause)) watched.pause *= 2;
  }

  /** What was held is to be dropped: a datagram is thrown away, and a connection told again. */
  #postpone(watched: Watched): void {
    if (watched.socket.protocol === 'udp') return this.#refuseAll(watched);
    try {
      if (watched.socket.waiting() > 0) this.#drop(watched);
    } catch (error) {
      this.#cannotRefuse(watched, error);
    }
  }

  /** Returns whether there was no look to come. */
  #lookAfter(watched: Watched, pause: Milliseconds): boolean {
    if (watched.retry !== undefined) return false;
    watched.retry = this.clock.after(pause, () => {
      watched.retry = undefined;
      this.#look(watched);
    });
    return true;
  }

  #refuseAll(watched: Watched): void {
    const { socket } = watched;
    watched.retry?.[Symbol.dispose]();
    watched.retry = undefined;
    watched.pause = FIRST_RETRY;
    try {
      if (socket.protocol === 'tcp') return socket.refuse(socket.waiting());
      for (let left = MOST_DATAGRAMS; left > 0 && socket.waiting() > 0; left -= 1) socket.refuse(1);
    } catch (error) {
      this.#cannotRefuse(watched, error);
    }
  }

  #cannotRefuse({ armed: { unikernel } }: Watched, error: unknown): void {
    this.logger.warn({ unikernel }, `What waits for ${unikernel} cannot be refused: ${errorMessage(error)}`);
  }
}
