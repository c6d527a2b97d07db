import { errorMessage, JitsuError } from '@jitsud/core/plugin';
import type { FixedPlan, FoundDomain } from '../guest.js';
import type { GuestDomain } from '../guest-domain.js';
import { readOrder, type Failure, type Order, type Report } from './messages.js';

/** How many steps of one guest may be under way. A Jitsu that is not taken over has a few. */
const AT_ONCE = 32;

type Step = Exclude<Order, { step: 'abort' }>;

/** A guest of the list. */
interface SealedGuest {
  readonly plan: FixedPlan;
  readonly domain: GuestDomain;
  /** How many of its steps are under way. */
  busy: number;
  /** Whether a domain of it is being made or saved. */
  isLocked: boolean;
}

/**
 * Carries out the steps of the guests in a list, and refuses everything else: other guests, domains that are not
 * theirs, a second domain of one guest, saved memory that is older than its disks.
 */
export class SealedOrders {
  readonly #guests: ReadonlyMap<string, SealedGuest>;
  /** The orders under way, by their ids. */
  readonly #steps = new Map<number, AbortController>();

  /** @param onRefused called for what no Jitsu sends that is not taken over */
  constructor(
    guests: ReadonlyMap<FixedPlan, GuestDomain>,
    private readonly report: (report: Report) => void,
    private readonly onRefused: (why: string) => void,
  ) {
    this.#guests = new Map(
      [...guests].map(([plan, domain]) => [plan.id, { plan, domain, busy: 0, isLocked: false }] as const),
    );
  }

  take(message: unknown): void {
    const order = readOrder(message);
    if (order === undefined) return this.onRefused('an order of an unknown form');
    if (order.step === 'abort') return this.#steps.get(order.id)?.abort();
    if (this.#steps.has(order.id)) return this.onRefused('two orders with one id');
    void this.#answer(order);
  }

  async #answer(order: Step): Promise<void> {
    const { id } = order;
    const guest = this.#guests.get(order.guest);
    if (guest === undefined) return this.#refuse(order, 'it is not among the guests that were configured at the start');
    if (guest.busy >= AT_ONCE) return this.#refuse(order, 'too much is asked of it at once');
    const end = new AbortController();
    this.#steps.set(id, end);
    guest.busy += 1;
    try {
      const result: unknown = await this.#perform(guest, order, end.signal);
      this.report({ kind: 'result', id, ...(result !== undefined && { result }) });
    } catch (error) {
      if (error instanceof Refused) this.#refuse(order, error.message);
      else this.report({ kind: 'failure', id, failure: failureOf(error) });
    } finally {
      guest.busy -= 1;
      this.#steps.delete(id);
    }
  }

  async #perform(guest: SealedGuest, order: Step, signal: AbortSignal): Promise<unknown> {
    const { domain } = guest;
    switch (order.step) {
      case 'find':
        return this.#find(guest);
      case 'savedMemory':
      case 'forgetMemory':
        return domain[order.step]();
      case 'create':
        if (order.words !== guest.plan.words) {
          throw new Refused('the words for its command line are not those that it had when Jitsu was started');
        }
        return this.#make(guest, async () => {
          // What is booted anew changes its disks, and its saved memory is too old for them.
          await domain.forgetMemory();
          return domain.create(order.words);
        });
      case 'restore':
        return this.#make(guest, async () => {
          if ((await domain.savedMemory()) !== 'fits') throw new Refused('it has no saved memory that fits');
          return domain.restore();
        });
      case 'destroy':
        return (await this.#isOwn(guest, order.domain)) ? domain.destroy(order.domain) : undefined;
      case 'save':
        await this.#mustBeOwn(guest, order.domain);
        return this.#alone(guest, () => domain.save(order.domain, signal));
      case 'macs':
      case 'pause':
      case 'unpause':
      case 'powerOff':
        await this.#mustBeOwn(guest, order.domain);
        return domain[order.step](order.domain);
    }
  }

  /** A domain of another one is none of its own, whatever xenstore says. */
  async #find({ plan, domain }: SealedGuest): Promise<FoundDomain | undefined> {
    const found = await domain.find();
    return found?.info.uuid?.toLowerCase() === plan.id ? found : undefined;
  }

  /** Only where it has no domain. */
  #make<T>(guest: SealedGuest, make: () => Promise<T>): Promise<T> {
    return this.#alone(guest, async () => {
      const found = await this.#find(guest);
      if (found !== undefined && found.info.dying !== true) throw new Refused('it has a domain');
      return make();
    });
  }

  async #alone<T>(guest: SealedGuest, action: () => Promise<T>): Promise<T> {
    if (guest.isLocked) throw new Refused('a domain of it is being made or saved');
    guest.isLocked = true;
    try {
      return await action();
    } finally {
      guest.isLocked = false;
    }
  }

  /** @throws Refused for a domain of another one; false where there is no such domain */
  async #isOwn({ plan, domain }: SealedGuest, domainId: number): Promise<boolean> {
    const info = await domain.infoOf(domainId);
    if (info === undefined) return false;
    if (info.uuid?.toLowerCase() === plan.id) return true;
    throw new Refused(`the domain ${domainId} is not its own`);
  }

  async #mustBeOwn(guest: SealedGuest, domainId: number): Promise<void> {
    if (await this.#isOwn(guest, domainId)) return;
    throw new JitsuError('JITSU_BACKEND_FAILED', `${guest.plan.name} has no domain ${domainId} any more.`);
  }

  #refuse({ id, guest, step }: Step, why: string): void {
    const message = `The process of libxl refuses to ${WORDS[step]} ${nameOf(guest)}: ${why}.`;
    this.onRefused(`to ${WORDS[step]} ${nameOf(guest)}: ${why}`);
    this.report({ kind: 'failure', id, failure: { code: 'JITSU_BACKEND_DENIED', message } });
  }
}

/** Asked for what no Jitsu asks for that is not taken over. */
class Refused extends Error {}

const WORDS: Readonly<Record<Step['step'], string>> = {
  find: 'look for',
  macs: 'look at',
  savedMemory: 'look at the saved memory of',
  forgetMemory: 'remove the saved memory of',
  create: 'create',
  restore: 'restore',
  pause: 'pause',
  unpause: 'unpause',
  powerOff: 'power off',
  save: 'suspend',
  destroy: 'destroy',
};

/** What is said of a guest that may be none. */
function nameOf(guest: string): string {
  return JSON.stringify(guest.slice(0, 64));
}

/** The description of any error for the other process. */
export function failureOf(error: unknown): Failure {
  const code = error instanceof JitsuError ? error.code : 'JITSU_BACKEND_FAILED';
  return { code, message: errorMessage(error) };
}
