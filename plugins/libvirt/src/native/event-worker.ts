/**
 * The thread that runs libvirt's event loop. It never returns to Node's event loop: the other threads pass the address
 * of its callback to libvirt themselves.
 */
import { parentPort, receiveMessageOnPort } from 'node:worker_threads';
import koffi from 'koffi';
import { failureOf, type CallFailure } from './call-failure.js';
import { loadLibvirt, UUID_BUFFER_LENGTH, type LibvirtLibrary, type Pointer } from './libvirt-library.js';

export type EventMessage =
  | { readonly kind: 'ready'; readonly lifecycle: Pointer }
  | { readonly kind: 'failed'; readonly failure: CallFailure }
  | {
      readonly kind: 'domain';
      readonly connection: Pointer;
      readonly uuid: string;
      /** virDomainEventType. */
      readonly event: number;
      /** A detail of that event: virDomainEventStoppedDetailType and so on. */
      readonly detail: number;
    }
  /** Its other side has gone. */
  | { readonly kind: 'closed'; readonly connection: Pointer }
  /** This thread does not use it any more. */
  | { readonly kind: 'forgotten'; readonly connection: Pointer };

/** An order to this thread about a connection, which must stay open until it is forgotten. */
export interface EventOrder {
  readonly kind: 'watch' | 'forget';
  readonly connection: Pointer;
}

/**
 * The interval at which the loop turns without an event: this thread can only be ended between two turns. The callback
 * of that timer must not be JavaScript: the order to end would get lost in it, and the process would not end.
 */
const TURN_MILLISECONDS = 100;

const post = (message: EventMessage): void => parentPort?.postMessage(message);

function run(): never {
  const library = loadLibvirt();
  const lifecycle = koffi.register(
    (connection: Pointer, domain: Pointer, event: number, detail: number) => {
      const buffer = Buffer.alloc(UUID_BUFFER_LENGTH);
      if (library.virDomainGetUUIDString(domain, buffer) === 0) {
        const uuid = buffer.toString('latin1', 0, UUID_BUFFER_LENGTH - 1);
        post({ kind: 'domain', connection, uuid, event, detail });
      }
    },
    koffi.pointer(koffi.proto('void lifecycle(void *connection, void *domain, int event, int detail, void *data)')),
  );
  if (library.virEventRegisterDefaultImpl() < 0) throw new Error('libvirt takes no event loop');
  library.virEventAddTimeout(TURN_MILLISECONDS, library.nothing, null, null);
  post({ kind: 'ready', lifecycle });
  const watched = new Set<Pointer>();
  // The order to end is noticed at the start of a JavaScript function; a loop alone checks only every hundred turns or
  // so.
  const turn = (): void => {
    library.virEventRunDefaultImpl();
    takeOrders(watched);
    reportClosed(watched, library);
  };
  for (;;) turn();
}

/** Messages are fetched explicitly: this thread never returns to the event loop, which would deliver them. */
function takeOrders(watched: Set<Pointer>): void {
  for (;;) {
    const order = parentPort && (receiveMessageOnPort(parentPort)?.message as EventOrder | undefined);
    if (!order) return;
    const { kind, connection } = order;
    if (kind === 'watch') {
      watched.add(connection);
    } else {
      watched.delete(connection);
      post({ kind: 'forgotten', connection });
    }
  }
}

/**
 * libvirt could call back when a connection ends, but from a thread that is in a call on it, with the connection
 * locked: that thread would wait for this one, which waits for libvirt.
 */
function reportClosed(watched: Set<Pointer>, { virConnectIsAlive }: LibvirtLibrary): void {
  for (const connection of watched) {
    if (virConnectIsAlive(connection) === 1) continue;
    watched.delete(connection);
    post({ kind: 'closed', connection });
  }
}

try {
  run();
} catch (error) {
  post({ kind: 'failed', failure: failureOf(error) });
}
