/**
 * The gate: the process that has the right to hold packets. It reads of them what stands at fixed offsets, starts no
 * programs, and arms nothing but what it was told of before Jitsu gave up its rights. All that it has made in the kernel
 * ends with it.
 */
import { randomBytes } from 'node:crypto';
import { Socket } from 'node:net';
import type { Netfilter } from '../netlink/netfilter.js';
import { openNetfilter } from '../netlink/open-netfilter.js';
import { readAddress } from '../netlink/read-address.js';
import { loadSystemCalls, Linux, type SystemCalls } from '../netlink/system-calls.js';
import { Allowed } from './allowed.js';
import { Gate } from './gate.js';
import { LineStream } from './line-stream.js';
import { checkOrder, servicesIn, type Order, type Report, type Setup } from './messages.js';
import { Refusal } from './refusal.js';
import { WatchedTraffic } from './watched-traffic.js';
import { NeighbourAnswers } from './neighbour-answers.js';

/** The status by which it is not started again. */
const CANNOT_WORK = 3;

/** Jitsu has found that it has the other right. */
const NEEDS_RAW =
  'It takes CAP_NET_RAW: start Jitsu as root, or add it to AmbientCapabilities (or CapabilityBoundingSet) of its systemd unit.';

// They may be for Jitsu (Ctrl-C, systemd's stop of a whole unit), with which it ends; Node undoes what its shell ignores.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

const calls = await loadSystemCalls();
const nonce = randomBytes(16).toString('hex');
const stream = new LineStream(new Socket({ fd: 3, readable: true, writable: true }), take, () => end(0));
const allowed = new Allowed(4);
let hold: Netfilter | undefined;
let gate: Gate<number> | undefined;
let traffic: WatchedTraffic | undefined;

stream.breakLine();
report({ hello: nonce, pid: process.pid });

function take(message: unknown): void {
  const order = checkOrder(message);
  if (order === undefined) return;
  if ('go' in order) {
    if (order.go === nonce && hold === undefined) void start(order.setup);
  } else if (hold !== undefined && gate !== undefined) carryOut(hold, gate, order);
}

async function start({ instance, mark, users, bridges, memory, rungs }: Setup): Promise<void> {
  try {
    const opened = await openNetfilter({ instance, mark, bridges, memory, ...(rungs.length > 0 && { rungs }) });
    hold = opened;
    const running = new Gate<number>(opened, report, (address) => allowed.has(address));
    gate = running;
    traffic = new WatchedTraffic(opened, memory, warn);
    opened.passUsers(users);
    opened.start(
      (packet, bytes) => running.take(packet, bytes),
      // Another gate holds what this one cannot any more.
      (reason) => fail(reason, 1),
      warn,
    );
    for (const bridge of bridges) {
      new NeighbourAnswers(bridge, calls, (address) => running.macOf(address), warn).start();
    }
    forbidPrograms(calls);
    report({ ready: nonce, rung: opened.rung });
  } catch (error) {
    const { message } = error as Error;
    fail(message.includes('EPERM') ? `${message}. ${NEEDS_RAW}` : message, CANNOT_WORK);
  }
}

function carryOut(packets: Netfilter, running: Gate<number>, order: Exclude<Order, { readonly go: string }>): void {
  if ('user' in order) return packets.passUsers([order.user]);
  if ('knock' in order) return running.answer(order.knock, order.verdict);
  try {
    if ('arm' in order) {
      running.arm(servicesIn(order.arm));
    } else if ('allow' in order) {
      allowed.add(order.allow.map(readAddress));
      if (order.seal === true) allowed.seal();
    } else if ('watch' in order) {
      traffic?.watch(order.watch, order.ignored, order.conntrack);
    } else if ('observe' in order) {
      return report({ done: order.number, traffic: traffic?.observe(order.observe, order.idle) });
    } else {
      running.release(order.release, order.outcome);
    }
    report({ done: order.number });
  } catch (error) {
    refuse(order.number, error as Error);
  }
}

function refuse(number: number, error: Error): void {
  const code = error instanceof Refusal ? error.code : 'JITSU_DOORMAN_FAILED';
  report({ number, refused: error.message.slice(0, 4_000), code });
}

function report(news: Report): void {
  stream.send(news);
}

function warn(warning: string): void {
  report({ warning });
}

/** From now on it can make neither a process nor a thread: its user may have none. */
function forbidPrograms({ setrlimit }: SystemCalls): void {
  setrlimit(Linux.RLIMIT_NPROC, Buffer.alloc(16));
}

function fail(reason: string, status: number): void {
  report({ failure: reason.slice(0, 4_000), code: 'JITSU_DOORMAN_FAILED' });
  end(status);
}

/** Not by Node, which waits for threads that wait for packets. */
function end(status: number): void {
  calls._exit(status);
}
