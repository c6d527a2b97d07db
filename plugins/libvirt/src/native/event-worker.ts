/**
 * The thread that runs libvirt's event loop. It never comes back to Node's own loop, so it takes no messages: the
 * other threads hand the addresses of its callbacks to libvirt themselves.
 */
import { parentPort } from 'node:worker_threads';
import koffi from 'koffi';
import { failureOf, type CallFailure } from './call-failure.js';
import { loadLibvirt, UUID_BUFFER_LENGTH, type Pointer } from './libvirt-library.js';
import type { EventCallbacks } from './operations.js';

export type EventMessage =
  | { readonly kind: 'ready'; readonly callbacks: EventCallbacks }
  | { readonly kind: 'failed'; readonly failure: CallFailure }
  | {
      readonly kind: 'domain';
      readonly connection: Pointer;
      readonly uuid: string;
      /** virDomainEventType. */
      readonly event: number;
      /** One of the details that belong to that event: virDomainEventStoppedDetailType and so on. */
      readonly detail: number;
    }
  /** `reason` is a virConnectCloseReason. */
  | { readonly kind: 'closed'; readonly connection: Pointer; readonly reason: number };

/**
 * How often the loop turns without an event: this thread can only be ended between two turns. What is called then must
 * not be JavaScript: in it the order to end would get lost, and the process would not end.
 */
const TURN_MILLISECONDS = 200;

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
  const closed = koffi.register(
    (connection: Pointer, reason: number) => post({ kind: 'closed', connection, reason }),
    koffi.pointer(koffi.proto('void closed(void *connection, int reason, void *data)')),
  );
  if (library.virEventRegisterDefaultImpl() < 0) throw new Error('libvirt takes no event loop');
  library.virEventAddTimeout(TURN_MILLISECONDS, library.nothing, null, null);
  post({ kind: 'ready', callbacks: { lifecycle, closed } });
  // The order to end is noticed where a function of JavaScript begins; a loop alone looks only every hundred turns or so.
  const turn = (): number => library.virEventRunDefaultImpl();
  for (;;) turn();
}

try {
  run();
} catch (error) {
  post({ kind: 'failed', failure: failureOf(error) });
}
