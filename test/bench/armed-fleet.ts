/**
 * Very many unikernels that are down, with core's doormen, the netfilter doorman and its gate, in a network namespace of
 * its own. Sends its figures to its parent, and ends.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { SystemClock, type ServiceEndpoints } from '@jitsud/core/plugin';
import { Doormen, type KnockListener } from '#core/lifecycle/doormen.js';
import { GuardedDoorman } from '#core/lifecycle/guarded-doorman.js';
import { endpointsOf } from '#core/lifecycle/service-endpoints.js';
import { doormanOptions } from '#netfilter/doorman-options.js';
import { NetfilterDoorman } from '#netfilter/netfilter-doorman.js';
import { aUnikernel } from '../support/dns-unikernel.js';
import { LoopWatch } from './loop-watch.js';
import { median } from './median.js';
import { residentMemory } from './process-usage.js';
import { timeOf } from './time-of.js';

/** In milliseconds; memory in bytes for each unikernel. */
export interface FleetFigures {
  /** Until the gate knows of each that it may be armed. */
  readonly allowed: number;
  /** From the first to the last, with all answers. */
  readonly armed: number;
  /** How long the main thread did nothing else at the most. */
  readonly lag: number;
  readonly gateMemory: number;
  readonly mainMemory: number;
  /** From the connect of a client to the knock in core; the median and the 99th of a hundred. */
  readonly knock: number;
  readonly slowKnock: number;
  /** Releasing one, and arming it again. */
  readonly released: number;
  readonly armedAgain: number;
  /** From the death of the gate until another one holds for all. */
  readonly restarted: number;
  readonly restartLag: number;
}

const COUNT = Number(process.argv[2]);
const ROUNDS = 300;

const run = (words: string): Buffer => execFileSync('ip', words.split(' '));
const log = (): void => undefined;
const logger = { debug: log, info: log, warn: log, error: log, child: () => logger } as never;

run('link set lo up');
run('link add fleet type veth peer name other');
for (const device of ['fleet', 'other']) run(`link set ${device} up`);
run('address add 10.9.0.1/24 dev fleet');
run('route add 10.128.0.0/9 dev fleet');

const clock = new SystemClock();
const doorman = new NetfilterDoorman(doormanOptions.parse({}), clock, logger);
const onLoss: ((reason: string | undefined) => void)[] = [];
const subscribe = doorman.onLoss.bind(doorman);
doorman.onLoss = (listener) => {
  onLoss.push(listener);
  return subscribe((reason) => {
    for (const each of onLoss) each(reason);
  });
};
const doormen = new Doormen([new GuardedDoorman('netfilter', doorman, undefined, clock, logger)]);
const unikernels = Array.from({ length: COUNT }, (_, index) => {
  const address = `10.${128 + (index >> 16)}.${(index >> 8) & 0xff}.${index & 0xff}`;
  const ports = [{ protocol: 'tcp', port: 80 }] as const;
  const unikernel = aUnikernel({ name: `unikernel-${index}`, addresses: [address], ports });
  unikernel.state = 'off';
  return unikernel;
});
const byName = new Map(unikernels.map((unikernel) => [unikernel.plan.name, unikernel]));
let onKnock: () => void = log;
const listener: KnockListener = {
  knock: () => {
    onKnock();
    return 'hold';
  },
  unheld: log,
};

// As Jitsu's servers do: a doorman keeps no process alive.
const alive = setInterval(log, 60_000);
await doorman.open();
doormen.listen((name) => byName.get(name), listener);
const allowed = await timeOf(() => doorman.beforeDrop(0, endpointsOfAll()));
globalThis.gc?.();
const before = [residentMemory(process.pid), residentMemory(gatePid())] as const;
const watch = await LoopWatch.start();
const begin = performance.now();
// As a backend's list is gone through, a part in each turn.
for (const [index, unikernel] of unikernels.entries()) {
  doormen.heed(unikernel);
  if (index % 2_000 === 1_999) await new Promise((resolve) => setImmediate(resolve));
}
await doormen.settled();
const armed = performance.now() - begin;
const { max: lag } = await watch.end();
globalThis.gc?.();
const [mainMemory, gateMemory] = [process.pid, gatePid()].map(
  (pid, index) => ((residentMemory(pid) - before[index]!) * 2 ** 20) / COUNT,
) as [number, number];

const knocks: number[] = [];
const releases: number[] = [];
const armings: number[] = [];
for (let round = 0; round < ROUNDS; round += 1) {
  const unikernel = unikernels[(round * 7_919) % COUNT]!;
  knocks.push(await knockAt(unikernel.addresses[0]!));
  releases.push(await timeOf(() => doorman.release(unikernel.plan.name, 'deliver')));
  armings.push(await timeOf(() => doorman.arm([{ ...endpointsOf(unikernel), connections: 'refuse' }])));
}
knocks.sort((one, other) => one - other);

const restartWatch = await LoopWatch.start();
const restarted = await timeOf(async () => {
  const isBack = new Promise<void>((resolve) => {
    onLoss.push((reason) => {
      if (reason === undefined) resolve();
    });
  });
  process.kill(gatePid(), 'SIGKILL');
  await isBack;
});
const { max: restartLag } = await restartWatch.end();
const figures: FleetFigures = {
  ...{ allowed, armed, lag, gateMemory, mainMemory, restarted, restartLag },
  ...{ knock: median(knocks), slowKnock: knocks[Math.floor(0.99 * ROUNDS)]! },
  ...{ released: median(releases), armedAgain: median(armings) },
};
process.send?.(figures);
await doorman.close();
clearInterval(alive);
process.disconnect();

function* endpointsOfAll(): Generator<ServiceEndpoints, void, undefined> {
  for (const unikernel of unikernels) yield endpointsOf(unikernel);
}

async function knockAt(host: string): Promise<number> {
  const heard = new Promise<number>((resolve) => {
    onKnock = () => {
      resolve(performance.now());
    };
  });
  const started = performance.now();
  const socket = connect({ host, port: 80 }).on('error', log);
  const took = (await heard) - started;
  socket.destroy();
  // What it still has to say is not part of the next one.
  await sleep(1);
  return took;
}

function gatePid(): number {
  const pid = readdirSync('/proc').find((each) => isGate(each));
  if (pid === undefined) throw new Error('there is no gate');
  return Number(pid);
}

/** Its parent is a shell that this process has started. */
function isGate(pid: string): boolean {
  try {
    if (!readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('gate-program.js')) return false;
    return readlinkSync(`/proc/${pid}/exe`) === process.execPath && parentOf(parentOf(pid)) === String(process.pid);
  } catch {
    // It is no process, or has ended.
    return false;
  }
}

function parentOf(pid: string): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] as string;
}
