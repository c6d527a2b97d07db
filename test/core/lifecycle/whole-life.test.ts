import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ConnectionsStopPolicy } from '#core/builtins/connections-stop-policy.js';
import { TrafficStopPolicy } from '#core/builtins/traffic-stop-policy.js';
import { TtlStopPolicy } from '#core/builtins/ttl-stop-policy.js';
import type { Traffic } from '#core/contracts/activity-source.js';
import type { LifecycleEvent } from '#core/contracts/lifecycle-event.js';
import type { PowerState, StopMode } from '#core/contracts/machine.js';
import type { ReadinessProbe, ReadinessTarget } from '#core/contracts/readiness-probe.js';
import type { ServiceEndpoints } from '#core/contracts/service-endpoints.js';
import type { Unikernel } from '#core/lifecycle/unikernel.js';
import { Life } from '../../support/life.js';
import { MemoryActivitySource } from '../../support/memory-activity-source.js';
import { MemoryDoorman, type Packet, type PacketOutcome } from '../../support/memory-doorman.js';

const NAMES = ['web', 'db', 'mail'] as const;

type Step =
  | { readonly do: 'wait'; readonly for: number }
  | {
      readonly do: 'ask' | 'knock' | 'datagram' | 'connect' | 'speak' | 'hang up' | 'fail start' | 'fail stop';
      readonly to: number;
    }
  | { readonly do: 'stop'; readonly to: number; readonly mode: StopMode }
  | { readonly do: 'others'; readonly to: number; readonly state: PowerState }
  | { readonly do: 'silent' | 'blind' | 'lost' | 'slow door'; readonly on: boolean }
  | { readonly do: 'slow'; readonly what: 'start' | 'stop' | 'describe'; readonly by: number };

const to = fc.nat(NAMES.length - 1);
const on = fc.boolean();
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      for: fc.constantFrom(1, 50, 1_000, 9_999, 20_000, 61_000),
    }),
  },
  {
    weight: 9,
    arbitrary: fc.record({
      do: fc.constantFrom('ask', 'knock', 'knock', 'datagram', 'connect', 'connect', 'speak', 'speak', 'hang up'),
      to,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('fail start' as const, 'fail stop' as const), to }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('stop' as const),
      to,
      mode: fc.constantFrom<StopMode>('destroy', 'shutdown', 'suspend'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('others' as const),
      to,
      state: fc.constantFrom<PowerState>('off', 'running', 'suspended', 'paused'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('silent', 'blind', 'lost', 'slow door'), on }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('slow' as const),
      what: fc.constantFrom('start' as const, 'stop' as const, 'describe' as const),
      by: fc.constantFrom(0, 10, 500, 3_000),
    }),
  },
) as fc.Arbitrary<Step>;

describe('the whole life of unikernels', () => {
  it('loses no packet that should be delivered, and stops nothing in use, in whatever order things happen', async function () {
    this.timeout(120_000);
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 10, maxLength: 60 }),
        fc.constantFrom<StopMode>('destroy', 'suspend'),
        async (steps, mode) => {
          using world = new World();
          await world.begin(mode);
          for (const each of steps) await world.happen(each);
          await world.end();
        },
      ),
      { numRuns: Number(process.env['WHOLE_LIFE_RUNS'] ?? 150) },
    );
  });
});

/** A connection of a client, as both ends know it. */
interface Connection {
  readonly from: string;
}

/** Unikernels, those who use them, and those who interfere. What is true of them is known here, and asked by nobody. */
class World implements Disposable {
  readonly #source = new TruthfulSource(this);
  readonly #doorman = new MemoryDoorman();
  readonly #life = new Life({ limit: 1, queue: 1 }, { sources: [this.#source], doormen: [this.#doorman] });
  readonly #probe = new TruthfulProbe(this, this.#life.clock);
  #unikernels: readonly Unikernel[] = [];
  readonly #packets: Packet[] = [];
  readonly #connections = new Map<string, Set<Connection>>(NAMES.map((name) => [name, new Set()]));
  readonly #lastPackets = new Map<string, number>();
  #clients = 0;
  #isSilent = false;
  isBlind = false;
  #commands = 0;
  #mode: StopMode = 'destroy';
  /** What must not have happened, and has. */
  readonly #broken: string[] = [];

  async begin(mode: StopMode): Promise<void> {
    this.#mode = mode;
    const chain = [new ConnectionsStopPolicy(), new TrafficStopPolicy(60_000), new TtlStopPolicy()];
    const plan = { stopPolicies: chain, probes: [this.#probe], stopMode: mode, deadline: 20_000 };
    this.#watchDoor();
    this.#life.onEvent = (event) => this.#heed(event);
    this.#life.backend.hypervisor.connect((change) => {
      if (typeof change === 'string' || change.state !== 'off') return;
      const unikernel = this.#unikernels.find(({ plan }) => plan.id === change.id);
      // Its connections end with it.
      if (unikernel !== undefined) this.#connections.get(unikernel.name)?.clear();
    });
    this.#unikernels = await this.#life.with(...NAMES.map((name) => ({ name, ...plan })));
    await this.#settle();
  }

  async happen(step: Step): Promise<void> {
    const { backend, clock } = this.#life;
    switch (step.do) {
      case 'wait':
        await this.#life.clock.advance(step.for);
        break;
      case 'ask': {
        const unikernel = this.#at(step.to);
        this.#life.ask(unikernel);
        if (!unikernel.ready) this.#life.summon(unikernel).catch(() => undefined);
        break;
      }
      case 'knock':
        this.#knock(this.#at(step.to));
        break;
      case 'datagram':
        this.#knock(this.#at(step.to), 'udp');
        break;
      case 'connect':
        this.#connect(this.#at(step.to));
        break;
      case 'speak':
        this.#speak(this.#at(step.to));
        break;
      case 'hang up': {
        const open = this.#connections.get(this.#at(step.to).name);
        const [first] = open ?? [];
        if (first !== undefined) open?.delete(first);
        break;
      }
      case 'fail start':
        backend.failNext('start', new Error('no memory'));
        break;
      case 'fail stop':
        backend.failNext('stop', new Error('it hangs'));
        break;
      case 'stop':
        this.#commands += 1;
        this.#life
          .stop(this.#at(step.to), 'by command', step.mode)
          .catch(() => undefined)
          .finally(() => (this.#commands -= 1));
        break;
      case 'others':
        backend.hypervisor.change(this.#at(step.to).plan.id, step.state);
        break;
      case 'silent':
        this.#isSilent = step.on;
        break;
      case 'blind':
        this.isBlind = step.on;
        break;
      case 'lost':
        if (step.on) backend.hypervisor.lose();
        else backend.hypervisor.restore();
        break;
      case 'slow door':
        this.#doorman.beforeArming = () => (step.on ? clock.sleep(1_000) : Promise.resolve());
        break;
      case 'slow':
        backend.latency[step.what] = step.by;
        break;
    }
    await this.#settle();
    assert.deepEqual(this.#broken, []);
  }

  /** All faults end. Then nothing waits any more, and whoever comes is served. */
  async end(): Promise<void> {
    const { backend, clock } = this.#life;
    this.#isSilent = false;
    this.isBlind = false;
    this.#doorman.beforeArming = async () => undefined;
    backend.hypervisor.restore();
    for (const what of ['start', 'stop', 'describe'] as const) backend.latency[what] = 0;
    // The longest back-off, and all that is under way.
    await clock.advance(200_000);
    const waiting = this.#packets.filter(({ outcome }) => outcome === 'waits');
    assert.deepEqual(waiting, [], 'a packet waits for ever');
    this.#checkStanding();
    // A start or a stop that is still to fail does so now.
    for (let round = 0; round < 5; round += 1) {
      for (const unikernel of this.#unikernels) {
        this.#knock(unikernel);
        await clock.advance(2_000);
      }
      await clock.advance(70_000);
    }
    for (const unikernel of this.#unikernels) {
      const packet = this.#knock(unikernel);
      await clock.advance(1_000);
      assert.ok(['delivered', 'passed'].includes(packet.outcome), `at last ${unikernel.name} has ${packet.outcome} it`);
    }
    for (const open of this.#connections.values()) open.clear();
    await clock.advance(300_000);
    assert.ok(
      this.#unikernels.every(({ state }) => state !== 'running'),
      'and what nobody uses is stopped',
    );
    assert.deepEqual(this.#broken, []);
  }

  runs(unikernel: string): boolean {
    return this.#state(unikernel) === 'running';
  }

  answers(unikernel: string): boolean {
    return this.runs(unikernel) && !this.#isSilent;
  }

  trafficOf(unikernel: string): Traffic {
    const connections = this.#connections.get(unikernel)?.size ?? 0;
    return { connections, lastPacket: this.#lastPackets.get(unikernel) ?? -Infinity };
  }

  [Symbol.dispose](): void {
    this.#life[Symbol.dispose]();
  }

  /** Each release is what the state of the unikernel allows. */
  #watchDoor(): void {
    const doorman = this.#doorman;
    const release = doorman.release.bind(doorman);
    doorman.release = async (name, outcome) => {
      const unikernel = this.#unikernels.find((each) => each.name === name) as Unikernel;
      const isHeld = this.#packets.some((packet) => packet.unikernel === name && packet.outcome === 'waits');
      if (outcome === 'deliver' && isHeld && !this.runs(name)) this.#broken.push(`what is held for ${name} is lost`);
      if (outcome === 'refuse' && isHeld) {
        const { code } =
          this.#life.events.findLast(({ kind, unikernel }) => kind === 'failed' && unikernel === name) ?? {};
        if (code === undefined || code === 'JITSU_BOOT_QUEUE_FULL')
          this.#broken.push(`${name} refuses: ${String(code)}`);
        if (unikernel.ready) this.#broken.push(`${name} is ready, and refuses`);
      }
      await release(name, outcome);
    };
  }

  #heed({ kind, unikernel: name, reason = '' }: LifecycleEvent): void {
    if (kind !== 'stopping') return;
    if (!this.#doorman.armed.has(name)) this.#broken.push(`${name} is stopped, and nobody holds packets`);
    if (reason === 'by command') return;
    const open = this.#connections.get(name)?.size ?? 0;
    // Connections to what is suspended live on, and wake it.
    if (open > 0 && this.#mode !== 'suspend')
      this.#broken.push(`${name} is stopped (${reason}) with ${open} connections`);
    const quiet = this.#life.clock.now() - (this.#lastPackets.get(name) ?? -Infinity);
    if (quiet < 60_000) this.#broken.push(`${name} is stopped ${quiet} ms after a packet`);
    if (!this.#source.isKnown.has(name)) this.#broken.push(`${name} is stopped, and nobody knows whether it is used`);
  }

  #knock({ name, failure }: Unikernel, protocol: 'tcp' | 'udp' = 'tcp'): Packet {
    this.#clients += 1;
    const from = `10.${(this.#clients >> 16) & 255}.${(this.#clients >> 8) & 255}.${this.#clients & 255}`;
    const isLeftAlone = failure !== undefined && (failure.retryAt ?? Infinity) > this.#life.clock.now();
    const packet = this.#doorman.send(name, { from, protocol });
    this.#packets.push(packet);
    if (packet.outcome === 'refused' && !isLeftAlone) this.#broken.push(`${name} refuses a client without a reason`);
    if (packet.outcome === 'passed' && this.runs(name)) this.#lastPackets.set(name, this.#life.clock.now());
    return packet;
  }

  /** A client connects; where its packet is held, it is connected once that is delivered. */
  #connect(unikernel: Unikernel): void {
    const packet = this.#knock(unikernel);
    const { name } = unikernel;
    const join = (): void => {
      if (this.runs(name)) this.#connections.get(name)?.add(packet);
    };
    if (packet.outcome === 'passed') return join();
    let outcome: PacketOutcome = packet.outcome;
    Object.defineProperty(packet, 'outcome', {
      get: () => outcome,
      set: (next: PacketOutcome) => {
        outcome = next;
        if (next !== 'delivered') return;
        this.#lastPackets.set(name, this.#life.clock.now());
        join();
      },
    });
  }

  /** A connection that is open, perhaps to a machine that is suspended, carries a packet. */
  #speak({ name, failure }: Unikernel): void {
    const [connection] = this.#connections.get(name) ?? [];
    if (connection === undefined) return;
    const isLeftAlone = failure !== undefined && (failure.retryAt ?? Infinity) > this.#life.clock.now();
    const packet = this.#doorman.send(name, { from: connection.from, isOfConnection: true });
    this.#packets.push(packet);
    if (packet.outcome === 'refused' && !isLeftAlone) this.#broken.push(`${name} cuts a connection that lives`);
    if (packet.outcome === 'passed' && this.runs(name)) this.#lastPackets.set(name, this.#life.clock.now());
  }

  /** Packets are held for exactly what does not run, or is about to be stopped. */
  #checkStanding(): void {
    for (const { name, ready, state, phase } of this.#unikernels) {
      const connections = this.#doorman.armed.get(name);
      if (ready) assert.equal(connections, undefined, `${name} is ready`);
      if (phase === 'down' && state === 'off') assert.equal(connections, 'refuse', `${name} is off`);
      if (phase === 'down' && (state === 'suspended' || state === 'paused')) assert.equal(connections, 'hold', name);
    }
  }

  #state(name: string): PowerState | undefined {
    const id = this.#unikernels.find((each) => each.name === name)?.plan.id;
    return id === undefined ? undefined : this.#life.backend.hypervisor.machines.get(id)?.state;
  }

  #at(index: number): Unikernel {
    return this.#unikernels[index] as Unikernel;
  }

  #settle(): Promise<void> {
    return this.#life.clock.advance(0);
  }
}

/** Knows what is true, where it is not blind. */
class TruthfulSource extends MemoryActivitySource {
  /** Those of which it has known the traffic when it was last asked. */
  readonly isKnown = new Set<string>();

  constructor(private readonly world: World) {
    super();
  }

  override async observe({ unikernel }: ServiceEndpoints): Promise<Traffic> {
    this.isKnown.delete(unikernel);
    if (this.world.isBlind) throw new Error('nothing can be known');
    this.isKnown.add(unikernel);
    return this.world.trafficOf(unikernel);
  }
}

class TruthfulProbe implements ReadinessProbe {
  constructor(
    private readonly world: World,
    private readonly clock: Life['clock'],
  ) {}

  async untilReady({ name }: ReadinessTarget, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    while (!this.world.answers(name)) await this.clock.sleep(100, signal);
  }
}
