/**
 * The process that keeps root for libxl when Jitsu gives it up. It is told its guests once, by Node's channel, which it
 * closes then; the orders come by a socket. It holds what root alone may use, xenstore and saved memory, and has libxl
 * in a child of its own, which it starts again when that dies. It ends with Jitsu.
 */
import { makeSafeFolder, MessageStream, SystemClock, type Logger } from '@jitsud/core/plugin';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { XenHost } from '../xen-host.js';
import { LONGEST_ORDER, type LogLevel, type Report, type Seal } from './messages.js';
import { failureOf, SealedOrders } from './sealed-orders.js';

/** The file of the socket, after those for input, output, errors and Node's channel. */
const SOCKET = 4;

/** What may wait to be written before the log is cut off, in bytes. */
const UNWRITTEN = 64 * 1024;

/** What is refused is said once in so many milliseconds. */
const REFUSALS = 60_000;

// It ends with Jitsu, and ignores the signals that a terminal or a service manager sends to both.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
process.stderr.on('error', () => undefined);

/** The main process, whose end is also that of this one. */
const jitsu = process.ppid;

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
  // Where Jitsu does not read, changes are told by one report, and the log is cut off. No answers come about, as the
  // stream takes no orders then.
  const isFull = socket.writableLength > UNWRITTEN;
  if (isFull && message.kind === 'changed') hasChanged = true;
  else if (!isFull || message.kind !== 'log') stream.send(message);
}

function logger(own: object): Logger {
  const at = (level: LogLevel) => (fields: object, message: string) =>
    report({ kind: 'log', level, fields: { ...own, ...fields }, message });
  return {
    ...{ debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
    child: (fields) => logger({ ...own, ...fields }),
  };
}

function end(): void {
  void host.close().finally(() => process.exit());
}

const host = new XenHost(
  seal.saves,
  new SystemClock(),
  logger({}),
  {
    onChange: () => report({ kind: 'changed' }),
    onLost: (reason) => report({ kind: 'lost', failure: failureOf(reason) }),
  },
  seal.parts,
);
const guests = new Map(seal.guests.map((plan) => [plan, host.guest(plan)] as const));
const orders = new SealedOrders(guests, report, sayRefused);

const socket = new Socket({ fd: SOCKET });
socket.on('drain', () => {
  if (!hasChanged) return;
  hasChanged = false;
  report({ kind: 'changed' });
});
const stream = new MessageStream(socket, {
  message: (message) => {
    // Jitsu has ended, and has left its socket to another process.
    if (process.ppid === jitsu) orders.take(message);
    else end();
  },
  malformed: (what) => sayRefused(`a message that is ${what}`),
  end,
});
stream.longest = LONGEST_ORDER;

try {
  // Nobody else can put memory there from now on.
  makeSafeFolder(seal.saves);
  await host.open();
  report({ kind: 'open' });
} catch (error) {
  report({ kind: 'unusable', failure: failureOf(error) });
  stream.close();
}
