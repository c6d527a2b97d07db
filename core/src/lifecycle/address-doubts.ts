import type { Clock } from '../contracts/clock.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import { acceptsWithin } from '../net/accepts-now.js';
import { endpointText, type Endpoint } from '../net/endpoint.js';
import { listenerApartFrom } from '../net/listener-owner.js';
import { isOwnAddress, plainAddress } from '../net/own-address.js';
import { probedEndpoints } from './address-conflict.js';
import type { Unikernel } from './unikernel.js';

/** In this time a machine on the network accepts a connection, and one that is only being started cannot do so yet. */
const BEFORE_ANY_BOOT: Milliseconds = 10;

/** So long after ready it is asked whose the port is: a storm of boots is over by then. */
const AFTER_READY: Milliseconds = 1_000;

/** Tells, once a unikernel, where something else seems to answer at its address. Nothing else follows from it. */
export class AddressDoubts {
  /** The processes whose ports were looked at. */
  readonly #looked = new WeakSet<Unikernel>();
  readonly #told = new WeakSet<Unikernel>();
  /** One look after the other. */
  #last: Promise<void> = Promise.resolve();

  constructor(
    private readonly tell: (unikernel: Unikernel, message: string) => void,
    private readonly clock: Clock,
  ) {}

  /** To be called before a machine is started, for each endpoint that is not one of this machine. Waits for nothing. */
  beforeStart(unikernel: Unikernel, endpoint: Endpoint): void {
    if (this.#told.has(unikernel)) return;
    void acceptsWithin(endpoint, BEFORE_ANY_BOOT, this.clock).then((accepts) => {
      if (!accepts) return;
      const { name } = unikernel;
      this.#tell(
        unikernel,
        `Something answered at ${endpointText(endpoint)} before ${name} was started. That is right where it stands in for ${name}; otherwise another machine has the address, clients get to that one, and ${name} counts as ready too early.`,
      );
    });
  }

  /** To be called when its service has answered. A process that does not have the port itself is told of. */
  ready(unikernel: Unikernel): void {
    if (this.#looked.has(unikernel) || probedEndpoints(unikernel)[Symbol.iterator]().next().done) return;
    this.#looked.add(unikernel);
    this.clock.after(AFTER_READY, () => {
      this.#last = this.#last.then(() => this.#look(unikernel));
    });
  }

  async #look(unikernel: Unikernel): Promise<void> {
    const { name, plan, domainId } = unikernel;
    if (!unikernel.ready || domainId === undefined || plan.machine.execution() === undefined) return;
    for (const endpoint of probedEndpoints(unikernel)) {
      if (!isOwnAddress(plainAddress(endpoint.address))) continue;
      if (plan.machine.listener(endpoint.address, endpoint.port) !== undefined) continue;
      const owner = await listenerApartFrom(endpoint, domainId);
      if (owner === undefined || unikernel.domainId !== domainId) continue;
      return this.#tell(
        unikernel,
        `${owner} listens at ${endpointText(endpoint)}, and is none of the processes of ${name}. That is right where it passes connections on to ${name}, as docker-proxy does; otherwise clients get to another program.`,
      );
    }
  }

  #tell(unikernel: Unikernel, message: string): void {
    if (this.#told.has(unikernel)) return;
    this.#told.add(unikernel);
    this.tell(unikernel, message);
  }
}
