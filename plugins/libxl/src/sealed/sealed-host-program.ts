/**
 * The process that keeps root for libxl when Jitsu gives it up. It is told its guests once, by Node's channel, which it
 * closes then; the orders come by a socket. It holds what root alone may use, xenstore and saved memory, and has libxl
 * in a child of its own, which it starts again when that dies. It ends with Jitsu.
 */
import { makeSafeFolder, SystemClock, type Logger } from '@jitsud/core/plugin';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { XenHost } from '../xen-host.js';
import { LONGEST_ORDER, type LogLevel, type Report, type Seal } from './messages.js';
import { MessageLines } from './message-lines.js';
import { failureOf, SealedOrders } from './sealed-orders.js';

/** The file of the socket, after those for input, output, errors and Node's channel. */
const SOCKET = 4;

/** What is refused is said once in so many milliseconds. */
const REFUSALS = 60_000;

// It ends with Jitsu, and ignores the signals that a terminal or a service manager sends to both.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
process.stderr.on('error', () => undefined);

const [seal] = (await once(process, 'message')) as [Seal];
process.disconnect();

let saidRefusal = -Infinity;
let hasChanged = false;

/** Past the log of Jitsu, which would keep it back if Jitsu were taken over. */
function sayRefused(why: string): void {
  if (performance.now() - saidRefusal < REFUSALS) return;
  saidRefusal = performance.now();
  process.stderr.write(`jitsu: libxl's process refused an order, so Jitsu itself may have been taken over: ${why}\n`);
}

function report(message: Report): void {
  // Changes are told by one report, and the log is cut off, where Jitsu does not read.
  if (lines.isFull && message.kind === 'changed') hasChanged = true;
  else if (!lines.isFull || message.kind !== 'log') lines.send(message);
}

function logger(own: object): Logger {
  const at = (level: LogLevel) => (fields: object, message: string) =>
    report({ kind: 'log', level, fields: { ...own, ...fields }, message });
  return {
    ...{ debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
    child: (fields) => logger({ ...own, ...fields }),
  };
}

const { program, places } = seal.parts ?? {};
const host = new XenHost(
  seal.saves,
  new SystemClock(),
  logger({}),
  {
    onChange: () => report({ kind: 'changed' }),
    onLost: (reason) => report({ kind: 'lost', failure: failureOf(reason) }),
  },
  { ...(program !== undefined && { program: new URL(program) }), ...(places !== undefined && { places }) },
);
const guests = new Map(seal.guests.map((plan) => [plan, host.guest(plan)] as const));
const orders = new SealedOrders(guests, report, sayRefused);

const socket = new Socket({ fd: SOCKET });
const lines = new MessageLines(socket, LONGEST_ORDER, {
  onMessage: (message) => orders.take(message),
  onMalformed: (why) => sayRefused(`a line that is ${why}`),
  onDrained: () => {
    if (!hasChanged) return;
    hasChanged = false;
    report({ kind: 'changed' });
  },
});
const end = (): void => void host.close().finally(() => process.exit());
socket.on('error', () => undefined);
socket.on('close', end);

try {
  // Nobody else can put memory there from now on.
  makeSafeFolder(seal.saves);
  await host.open();
  report({ kind: 'open' });
} catch (error) {
  report({ kind: 'unusable', failure: failureOf(error) });
  socket.end();
}
