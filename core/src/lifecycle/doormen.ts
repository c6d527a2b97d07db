import type { ArmedService, Knock, KnockVerdict } from '../contracts/doorman.js';
import type { StopMode } from '../contracts/machine.js';
import type { Arming, GuardedDoorman } from './guarded-doorman.js';
import { endpointsOf } from './service-endpoints.js';
import type { Unikernel } from './unikernel.js';

/** `drain`: they pass to a machine that is being ended. */
type Connections = ArmedService['connections'] | 'drain';

/** The modes of a stop that leave a machine suspended or paused: its connections go on when it does. */
export const MODES_THAT_GO_ON: ReadonlySet<StopMode> = new Set<StopMode>(['suspend', 'pause']);

/** A unikernel for which first packets are held, or are to be, or were until a moment ago; there may be many. */
class Armed implements Arming {
  /** What is to become of its open connections; `undefined` where it is to be armed no more. */
  wanted: Connections | undefined;
  /** What its doorman was told last, and with which addresses. */
  told: Connections | undefined;
  addresses: readonly string[] | undefined;
  /** Whether its first packets are held: its doorman has said so. */
  isHeld = false;
  /** What is to become of what is held, where its summon has ended. */
  due: 'deliver' | 'refuse' | 'drop' | undefined;
  /** Whether its unikernel was released: it is disarmed when what is held for it has ended. */
  isLeft = false;
  /** Why it is not armed. */
  problem: string | undefined;
  /** Whether its doorman is at work for it. */
  isBusy = false;
  /** Called when its doorman has done all that it was told. */
  onIdle: (() => void)[] | undefined;

  constructor(
    readonly unikernel: Unikernel,
    readonly doorman: GuardedDoorman,
    private readonly outcomes: ArmingOutcomes,
  ) {}

  get service(): ArmedService {
    const { unikernel, machine, addresses, ports, macs, domainId, rules } = endpointsOf(this.unikernel);
    const { told = 'pass' } = this;
    const connections = told === 'drain' ? 'pass' : told;
    const ending = told === 'drain';
    return { unikernel, machine, addresses, ports, macs, domainId, rules, connections, ending };
  }

  ended(problem: string | undefined): void {
    this.outcomes.ended(this, problem);
  }

  late(): void {
    this.outcomes.late(this);
  }
}

interface ArmingOutcomes {
  ended(armed: Armed, problem: string | undefined): void;
  late(armed: Armed): void;
}

/** What the doormen ask of the lifecycle. */
export interface KnockListener {
  /** Decides on a knock for a unikernel that is armed. */
  knock(unikernel: Unikernel, knock: Knock): KnockVerdict;
  /** First packets to a unikernel that is not ready are not held any more. */
  unheld(unikernel: Unikernel): void;
}

/**
 * Has first packets held for all unikernels that do not run, by the doorman that guards each: from before a stop until it
 * is ready again. The calls for one unikernel are made one after the other, so that the last one counts.
 */
export class Doormen implements Disposable {
  readonly #armed = new Map<Unikernel, Armed>();
  #listener: KnockListener | undefined;
  /** The number of unikernels for which doormen are at work, and who waits until there is none. */
  #busy = 0;
  readonly #onSettled: (() => void)[] = [];
  readonly #outcomes: ArmingOutcomes = {
    ended: (armed, problem) => {
      armed.problem = problem;
      armed.isHeld = problem === undefined;
      if (problem !== undefined) this.#unheld(armed);
      this.#worked(armed);
    },
    late: (armed) => this.#repeat(armed),
  };

  /** The first that guards a unikernel has it. */
  constructor(private readonly doormen: readonly GuardedDoorman[]) {}

  /**
   * Passes knocks on from now on; to be called once the doormen are open.
   * @param find the unikernel of this name
   */
  listen(find: (name: string) => Unikernel | undefined, listener: KnockListener): void {
    this.#listener = listener;
    for (const doorman of this.doormen) {
      const onLoss = (): void => {
        for (const armed of this.#armed.values()) if (armed.doorman === doorman) this.#unheld(armed);
      };
      doorman.listen((knock) => {
        const unikernel = find(knock.unikernel);
        const armed = unikernel && this.#armed.get(unikernel);
        // What is not armed any more is not held either: it may try again.
        if (unikernel === undefined || armed?.doorman !== doorman) return 'drop';
        return listener.knock(unikernel, knock);
      }, onLoss);
    }
  }

  /** Whether first packets to this unikernel can be held at this moment. */
  guard(unikernel: Unikernel): boolean {
    const armed = this.#armed.get(unikernel);
    if (armed?.problem !== undefined) return false;
    const doorman = armed?.doorman ?? this.#doormanOf(unikernel);
    return doorman !== undefined && doorman.loss === undefined;
  }

  /** Whether packets of its open connections would wake it where it is suspended or paused. */
  holdConnections(unikernel: Unikernel): boolean {
    const armed = this.#armed.get(unikernel);
    return armed?.problem === undefined && (armed?.doorman ?? this.#doormanOf(unikernel))?.holdsConnections === true;
  }

  /** Whether first packets to it are held now. */
  isArmed(unikernel: Unikernel): boolean {
    const armed = this.#armed.get(unikernel);
    return armed?.isHeld === true && armed.doorman.loss === undefined;
  }

  /** Whether first packets to this unikernel, which is not ready, are held at the address that it will have. */
  isHeld(unikernel: Unikernel): boolean {
    return this.isArmed(unikernel) && !unikernel.addressesMayChange;
  }

  /** The doormen that can hold nothing at the moment, with the reasons. */
  losses(): readonly { readonly name: string; readonly reason: string }[] {
    return this.doormen.flatMap(({ name, loss }) => (loss === undefined ? [] : [{ name, reason: loss }]));
  }

  /** Arms it, changes that, or delivers what is held, by its phase and state; to be called when these have changed. */
  heed(unikernel: Unikernel): void {
    const armed = this.#armed.get(unikernel);
    // Where another machine has its address by now, what is held for that goes there.
    const isGone = armed !== undefined && armed.addresses !== unikernel.addresses && !isGuarded(armed);
    this.#want(unikernel, armed, isGone ? undefined : standing(unikernel, armed?.wanted));
  }

  /**
   * To be called before its machine is stopped: resolves when first packets are held, or cannot be. `undefined` where
   * there is nothing to wait for.
   */
  beforeStop(unikernel: Unikernel): Promise<void> | undefined {
    this.heed(unikernel);
    return this.#whenIdle(unikernel);
  }

  /** The same before its stop is certain: what runs is armed, and packets of its connections are knocks. */
  beforeVerdict(unikernel: Unikernel): Promise<void> | undefined {
    this.#want(unikernel, this.#armed.get(unikernel), 'hold');
    return this.#whenIdle(unikernel);
  }

  /** Delivers what is held for a unikernel that runs, and is not stopped after all. */
  stepAside(unikernel: Unikernel): void {
    this.#want(unikernel, this.#armed.get(unikernel), undefined);
  }

  /** It has other ports, addresses or rules now: its doorman is told of them. */
  replan(unikernel: Unikernel): void {
    const armed = this.#armed.get(unikernel);
    if (armed !== undefined) armed.told = undefined;
    this.heed(unikernel);
  }

  /**
   * It was released: what is held for it goes on where it runs, and is refused elsewhere, and nothing is held from now on.
   * Resolves when its doorman has done that.
   */
  async leave(unikernel: Unikernel): Promise<void> {
    const armed = this.#armed.get(unikernel);
    if (armed === undefined) return;
    armed.isLeft = true;
    armed.wanted = undefined;
    armed.due = unikernel.state === 'running' ? 'deliver' : 'refuse';
    this.#work(armed);
    await this.#whenIdle(unikernel);
  }

  /** Its summon has failed: ends what is held for it. It stays armed. */
  end(unikernel: Unikernel, outcome: 'refuse' | 'drop'): void {
    const armed = this.#armed.get(unikernel);
    if (armed === undefined) return;
    armed.due = outcome;
    this.#work(armed);
  }

  /** Resolves when all doormen have done what they were told. */
  settled(): Promise<void> {
    return new Promise((resolve) => (this.#busy === 0 ? resolve() : this.#onSettled.push(resolve)));
  }

  /** Hears no knock any more. */
  [Symbol.dispose](): void {
    for (const doorman of this.doormen) doorman[Symbol.dispose]();
  }

  #want(unikernel: Unikernel, known: Armed | undefined, wanted: Connections | undefined): void {
    const armed = known ?? (wanted === undefined ? undefined : this.#begin(unikernel));
    if (armed === undefined) return;
    if (wanted === undefined && armed.wanted !== undefined) armed.due = 'deliver';
    // It has gone before its doorman got to that: whoever waits has to knock again.
    else if (armed.due === 'deliver' && unikernel.state !== 'running') armed.due = 'drop';
    armed.wanted = wanted;
    this.#work(armed);
  }

  #begin(unikernel: Unikernel): Armed | undefined {
    const doorman = this.#doormanOf(unikernel);
    if (doorman === undefined) return undefined;
    const armed = new Armed(unikernel, doorman, this.#outcomes);
    this.#armed.set(unikernel, armed);
    return armed;
  }

  #doormanOf(unikernel: Unikernel): GuardedDoorman | undefined {
    if (this.doormen.length === 0) return undefined;
    const { backendName } = unikernel.plan;
    const endpoints = endpointsOf(unikernel);
    return this.doormen.find(
      (doorman) =>
        (doorman.backendName === undefined || doorman.backendName === backendName) && doorman.guards(endpoints),
    );
  }

  #whenIdle(unikernel: Unikernel): Promise<void> | undefined {
    const armed = this.#armed.get(unikernel);
    if (armed?.isBusy !== true) return undefined;
    return new Promise((resolve) => (armed.onIdle ??= []).push(resolve));
  }

  /** Tells its doorman the next thing, unless it is at work for it. */
  #work(armed: Armed): void {
    if (armed.isBusy) return;
    const { unikernel, doorman, wanted, told, due, addresses } = armed;
    if (due !== undefined) {
      this.#release(armed, due);
    } else if (wanted !== undefined && (wanted !== told || addresses !== unikernel.addresses)) {
      armed.told = wanted;
      armed.addresses = unikernel.addresses;
      this.#begun(armed);
      doorman.arm(armed);
    } else if (armed.isLeft && told !== undefined) {
      this.#release(armed, 'deliver');
    } else {
      if (wanted === undefined) this.#armed.delete(unikernel);
      const { onIdle } = armed;
      armed.onIdle = undefined;
      for (const resolve of onIdle ?? []) resolve();
    }
  }

  #unheld({ unikernel }: Armed): void {
    if (!unikernel.ready) this.#listener?.unheld(unikernel);
  }

  #release(armed: Armed, outcome: 'deliver' | 'refuse' | 'drop'): void {
    this.#begun(armed);
    armed.due = undefined;
    if (outcome === 'deliver') {
      armed.told = undefined;
      armed.isHeld = false;
      this.#unheld(armed);
    }
    void armed.doorman.release(armed.unikernel.name, outcome).then(() => this.#worked(armed));
  }

  /** Its doorman has done at last what nobody waited for any more: it is told again what holds now. */
  #repeat({ unikernel, doorman }: Armed): void {
    const armed = this.#armed.get(unikernel);
    if (armed === undefined) return void doorman.release(unikernel.name, 'deliver');
    armed.told = undefined;
    armed.isHeld = false;
    if (armed.wanted === undefined) armed.due = 'deliver';
    this.#work(armed);
  }

  #begun(armed: Armed): void {
    armed.isBusy = true;
    this.#busy += 1;
  }

  #worked(armed: Armed): void {
    armed.isBusy = false;
    this.#busy -= 1;
    this.#work(armed);
    if (this.#busy === 0) for (const resolve of this.#onSettled.splice(0)) resolve();
  }
}

function isGuarded({ unikernel, doorman }: Armed): boolean {
  return doorman.guards(endpointsOf(unikernel));
}

/**
 * What is to become of the open connections of a unikernel that is armed, by its phase and state; `undefined` where it is
 * not to be armed.
 * @param before the same as it is now
 */
function standing({ phase, state, stops }: Unikernel, before: Connections | undefined): Connections | undefined {
  if (phase === 'ready') return undefined;
  if (state === 'off') return 'refuse';
  if (state === 'suspended' || state === 'paused') return 'hold';
  if (phase === 'stopping' || phase === 'wanted') {
    // It may be suspended before anybody is told: what it has not taken by then would come again only after seconds.
    const mode = stops?.[0]?.mode;
    return mode !== undefined && MODES_THAT_GO_ON.has(mode) ? 'hold' : 'drain';
  }
  if (state !== 'running') return before;
  // Others have started it, or its service does not answer: only who comes anew has to wait.
  if (phase === 'failing') return 'pass';
  return phase === 'running' ? before && 'pass' : before;
}
