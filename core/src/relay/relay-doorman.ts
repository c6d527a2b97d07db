import type { Settings } from '../config/settings.js';
import type { ActivitySource, Traffic } from '../contracts/activity-source.js';
import type { Clock } from '../contracts/clock.js';
import type { ArmedService, Doorman, Knock, KnockVerdict } from '../contracts/doorman.js';
import type { Logger } from '../contracts/logger.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { ServiceEndpoints } from '../contracts/service-endpoints.js';
import { errorMessage, JitsuError } from '../errors.js';
import { hasAddress } from '../net/bind-early.js';
import { endpointText } from '../net/endpoint.js';
import { listenerOwner } from '../net/listener-owner.js';
import { untilAborted } from '../plugin-kit/until-aborted.js';
import type { ListenFailure, RelayOrder } from './relay-order.js';
import { RelayThread } from './relay-thread.js';

/** The pauses before the thread is started anew, once it has died. */
const SHORTEST_PAUSE: Milliseconds = 100;
const LONGEST_PAUSE: Milliseconds = 10_000;

/**
 * Relays the clients of unikernels to their programs, holds them while these do not run, and knows exactly who is
 * connected.
 */
export class RelayDoorman implements Doorman {
  readonly activity: ActivitySource = {
    sees: ({ unikernel }) => this.#names.has(unikernel),
    observe: ({ unikernel }, signal) => untilAborted(this.#observe(unikernel), signal),
  };
  readonly #names: ReadonlySet<string>;
  /** Those that are armed, for a thread that takes the place of another. */
  readonly #armed = new Set<string>();
  #thread: RelayThread | undefined;
  #listener: ((knock: Knock) => KnockVerdict) | undefined;
  #onLoss: ((reason: string | undefined) => void) | undefined;
  #restarting: Disposable | undefined;
  #pause = SHORTEST_PAUSE;
  #isClosed = false;

  constructor(
    private readonly order: RelayOrder,
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly startThread: typeof newThread = newThread,
  ) {
    this.#names = new Set(order.unikernels.map(({ unikernel }) => unikernel));
  }

  guards({ unikernel }: ServiceEndpoints): boolean {
    return this.#names.has(unikernel);
  }

  /** @throws JITSU_LISTEN_FAILED with every port at which it cannot listen */
  async open(): Promise<void> {
    const failures = await this.#start();
    for (const { unikernel, ports } of this.order.unikernels) {
      for (const { listen } of ports) {
        if (hasAddress(listen.address)) continue;
        const message = `this machine has no address ${listen.address} yet: what comes to it is relayed once it has`;
        this.logger.warn({ unikernel, address: listen.address }, message);
      }
    }
    if (failures.length === 0) return;
    const problems = await Promise.all(failures.map(describeFailure));
    throw new JitsuError('JITSU_LISTEN_FAILED', problems.join(' '));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#restarting?.[Symbol.dispose]();
    await this.#thread?.end();
    this.#thread = undefined;
  }

  async arm(services: readonly ArmedService[]): Promise<void> {
    const own = services
      .filter(({ unikernel }) => this.#names.has(unikernel))
      .map(({ unikernel, connections }) => ({ unikernel, connections }));
    for (const { unikernel } of own) this.#armed.add(unikernel);
    await this.#running().ask('arm', own).catch(asJitsuError);
  }

  async release(unikernel: string, outcome: 'deliver' | 'refuse' | 'drop'): Promise<void> {
    if (!this.#armed.has(unikernel)) return;
    if (outcome === 'deliver') this.#armed.delete(unikernel);
    await this.#running().ask('release', unikernel, outcome).catch(asJitsuError);
  }

  onKnock(listener: (knock: Knock) => KnockVerdict): Disposable {
    this.#listener = listener;
    return { [Symbol.dispose]: () => (this.#listener = undefined) };
  }

  onLoss(listener: (reason: string | undefined) => void): Disposable {
    this.#onLoss = listener;
    return { [Symbol.dispose]: () => (this.#onLoss = undefined) };
  }

  async #observe(unikernel: string): Promise<Traffic> {
    const traffic = await this.#running().ask('observe', unikernel).catch(asJitsuError);
    const { connections, sinceLastPacket = Infinity, clients } = traffic;
    const lastPacket = this.clock.now() - sinceLastPacket;
    if (connections === 0) return { connections, lastPacket };
    const count = connections === 1 ? '1 connection' : `${connections} connections`;
    return { connections, lastPacket, detail: `${count}, from ${clients.join(' and ')}` };
  }

  #running(): RelayThread {
    if (this.#thread !== undefined) return this.#thread;
    throw new JitsuError('JITSU_BACKEND_UNREACHABLE', 'The relay does not run at the moment. It is started anew.');
  }

  /** Resolves with the ports at which it does not listen. Rejects where the thread cannot be started. */
  async #start(): Promise<readonly ListenFailure[]> {
    const thread = this.startThread(this.order, (knock) => this.#listener?.(knock) ?? 'hold');
    this.#thread = thread;
    const failures = await thread.opened;
    const since = this.clock.now();
    void thread.ended.then((reason) => this.#onEnd(thread, reason, since));
    return failures;
  }

  #onEnd(thread: RelayThread, reason: unknown, since: Milliseconds): void {
    if (this.#isClosed || thread !== this.#thread) return;
    this.#thread = undefined;
    this.logger.error({ err: reason }, 'the thread of the relays has died; another one takes its place');
    this.#onLoss?.(`the relay has failed: ${errorMessage(reason)}`);
    if (this.clock.now() - since > LONGEST_PAUSE) this.#pause = SHORTEST_PAUSE;
    this.#restartLater();
  }

  #restartLater(): void {
    this.#restarting = this.clock.after(this.#pause, () => void this.#restart());
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE);
  }

  async #restart(): Promise<void> {
    try {
      const failures = await this.#start();
      const problems = await Promise.all(failures.map(describeFailure));
      if (this.#isClosed) return;
      const armed = [...this.#armed].map((unikernel) => ({ unikernel, connections: 'pass' as const }));
      await this.#thread?.ask('arm', armed);
      if (problems.length === 0) return this.#onLoss?.(undefined);
      this.logger.error({}, problems.join(' '));
    } catch (error) {
      this.#thread = undefined;
      this.logger.error({ err: error }, 'the thread of the relays cannot be started');
      if (!this.#isClosed) this.#restartLater();
    }
  }
}

function newThread(...given: ConstructorParameters<typeof RelayThread>): RelayThread {
  return new RelayThread(...given);
}

/** The doorman of these unikernels' relays, which listens once it is opened; `undefined` where none has a relay. */
export function relayDoorman(
  { unikernels, relay: { idle, ignore } }: Pick<Settings, 'unikernels' | 'relay'>,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
): RelayDoorman | undefined {
  const relayed = unikernels
    .filter(({ relays }) => relays.length > 0)
    .map(({ name, relays, useRules }) => {
      return { unikernel: name, ports: relays, idle: useRules.idle, ignored: useRules.ignored };
    });
  if (relayed.length === 0) return undefined;
  const ignores = ignore.paths.length + ignore.userAgents.length > 0;
  const order: RelayOrder = { unikernels: relayed, idle, ...(ignores && { ignore }) };
  return new RelayDoorman(order, clock, logger.child({ doorman: 'relay' }));
}

/** The thread may end while it is asked. */
function asJitsuError(error: unknown): never {
  throw new JitsuError('JITSU_BACKEND_UNREACHABLE', `The relay does not run: ${errorMessage(error)}.`, {
    cause: error,
  });
}

async function describeFailure({ unikernel, protocol, listen, code, message }: ListenFailure): Promise<string> {
  const where = `${protocol.toUpperCase()} ${endpointText(listen)}`;
  return `The relay of ${unikernel} cannot listen on ${where}: ${await reasonOf({ protocol, listen, code, message })}`;
}

async function reasonOf({ protocol, listen, code, message }: Omit<ListenFailure, 'unikernel'>): Promise<string> {
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return 'ports below 1024 belong to root. Start Jitsu as root, which it gives up once it listens, or give the relay another port.';
    case 'EADDRINUSE': {
      const owner = protocol === 'tcp' ? await listenerOwner(listen).catch(() => undefined) : undefined;
      const tool = protocol === 'tcp' ? 'ltnp' : 'lunp';
      const advice = owner === undefined ? `See what: ss -${tool} 'sport = :${listen.port}'. ` : '';
      return `${owner ?? 'another program'} has it already. ${advice}End that, or give the relay another port.`;
    }
    case 'EADDRNOTAVAIL':
      return `this machine has no address ${listen.address}. See which it has: ip addr.`;
    default:
      return `${message}.`;
  }
}
