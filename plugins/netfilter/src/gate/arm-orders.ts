import type { Gate } from './gate.js';
import { MOST_SERVICES, type GuardedService } from './messages.js';

/** How long further orders are waited for behind one that is full, in milliseconds. */
const GATHER = 15;

/** The most services that are armed together. */
const MOST_TOGETHER = 25_000;

interface ArmOrder {
  readonly number: number;
  readonly arm: readonly GuardedService[];
}

/** Carries out orders to arm, those that come at once by one transaction: the kernel takes long for each. */
export class ArmOrders {
  #waiting: ArmOrder[] = [];
  #count = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param done told of each order, with the error where it could not be carried out as a whole */
  constructor(
    private readonly gate: Pick<Gate<never>, 'arm'>,
    private readonly done: (number: number, error?: Error) => void,
  ) {}

  add(order: ArmOrder): void {
    this.#waiting.push(order);
    this.#count += order.arm.length;
    const isFull = order.arm.length === MOST_SERVICES && this.#count < MOST_TOGETHER;
    if (!isFull) return this.flush();
    this.#timer ??= setTimeout(() => this.flush(), GATHER);
  }

  /** Carries out what waits; to be called before any other order. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const orders = this.#waiting;
    this.#waiting = [];
    this.#count = 0;
    if (orders.length === 0) return;
    try {
      this.gate.arm(orders.flatMap(({ arm }) => arm));
      for (const { number } of orders) this.done(number);
    } catch {
      // Which one it was shows when each is carried out by itself; what is armed already stays so.
      for (const order of orders) this.#alone(order);
    }
  }

  #alone({ number, arm }: ArmOrder): void {
    try {
      this.gate.arm(arm);
      this.done(number);
    } catch (error) {
      this.done(number, error as Error);
    }
  }
}
