import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { eventually } from '#core/testing/eventually.js';
import type { NetworkNamespace } from '../support/network-namespace.js';
import { GUEST, RoutedNetwork, type Client, type Place } from '../support/netfilter/routed-network.js';
import { within } from '../support/place.js';
import { RunningJitsu } from '../support/running-jitsu.js';
import { median } from './median.js';
import { printTable } from './table.js';

const ROUNDS = 25;
const ADDRESS = '127.0.0.80';
/** Ports for which packets are held, and such to which nobody objects. */
const PORTS = { process: 8_080, guest: 80, freeOfProcess: 8_081, freeOfGuest: 81 };
const PLUGIN = fileURLToPath(new URL('../support/netfilter/guest-plugin.js', import.meta.url));
const GUEST_PROGRAM = fileURLToPath(new URL('../support/netfilter/guest-program.js', import.meta.url));
const SERVER = `require('net').createServer((socket) => socket.end('hi'))
  .listen(+process.argv[1], '${ADDRESS}', () => console.log('listens'));`;

interface Topology {
  readonly name: string;
  readonly place: Place;
  readonly address: string;
  readonly port: number;
  readonly freePort: number;
  /** Where it is started by hand, and by which words. */
  readonly at: NetworkNamespace;
  readonly words: readonly string[];
  readonly unikernel: (jitsu: RunningJitsu) => object;
}

/**
 * How long a first connect to what is stopped takes, beside the same started by hand and connected to once it listens; by
 * turns, so that both meet the same machine. Takes root, for namespaces that have names.
 */
export async function benchFirstConnect(): Promise<void> {
  await using network = await RoutedNetwork.create();
  const rows: string[][] = [];
  for (const topology of topologiesOf(network)) rows.push(await firstConnects(network, topology));
  printTable(`A first connect, in ms; medians of ${ROUNDS} rounds`, [
    ['', 'started by hand', 'fastest', 'held for it', 'fastest', 'more', 'until ready', 'SYNs sent again'],
    ...rows,
  ]);
  await knockTimes(network);
}

function topologiesOf(network: RoutedNetwork): Topology[] {
  const ofGuest = {
    ...{ address: GUEST.ipv4, port: PORTS.guest, freePort: PORTS.freeOfGuest, at: network.guest },
    words: [process.execPath, GUEST_PROGRAM, 'eth0', '0', String(PORTS.freeOfGuest)],
    unikernel: (jitsu: RunningJitsu) => network.aGuest(jitsu.in()),
  };
  return [
    {
      ...{ name: 'a process, from its host', place: 'host', at: network.host },
      ...{ address: ADDRESS, port: PORTS.process, freePort: PORTS.freeOfProcess },
      words: [process.execPath, '-e', SERVER, String(PORTS.freeOfProcess)],
      unikernel: () => aProcess(network),
    },
    { ...ofGuest, name: 'a guest, through the host', place: 'routed' },
    { ...ofGuest, name: 'a guest, from its own bridge', place: 'bridge' },
  ];
}

/** It is started in its namespace again, so that it costs what the one costs that is started by hand. */
function aProcess({ host }: RoutedNetwork): object {
  const command = ['ip', 'netns', 'exec', host.name, process.execPath, '-e', SERVER, String(PORTS.process)];
  return { name: 'www', dns: 'www.test', ip: ADDRESS, ready: `tcp:${PORTS.process}`, command };
}

async function firstConnects(network: RoutedNetwork, topology: Topology): Promise<string[]> {
  const { name, place, address, port, unikernel } = topology;
  await using jitsu = await startJitsu(network, { bridges: ['br0'] }, unikernel);
  const client = await network.startClient(place);
  const [byHand, held, ready] = [[], [], []] as [number[], number[], number[]];
  const sentBefore = await synsSentAgain(network.namespaceOf(place));
  // One more, for what is loaded at first.
  for (let round = 0; round <= ROUNDS; round += 1) {
    const started = await startedByHand(client, topology);
    const { took, error } = await client.tcp(address, { port, connects: true });
    if (error !== undefined) throw new Error(`${name}: ${error}\n${jitsu.log}`);
    const boot = await readyTime(jitsu);
    await jitsu.control.stop('www');
    if (round === 0) continue;
    byHand.push(started);
    held.push(took);
    ready.push(boot);
  }
  const again = (await synsSentAgain(network.namespaceOf(place))) - sentBefore;
  client.process.kill('SIGKILL');
  const times = [median(byHand), Math.min(...byHand), median(held), Math.min(...held)];
  const more = median(held) - median(byHand);
  return [name, ...[...times, more, median(ready)].map((time) => time.toFixed(1)), String(again)];
}

async function startedByHand(client: Client, { at, words, address, freePort }: Topology): Promise<number> {
  const [program = '', ...parameters] = words;
  const begin = performance.now();
  const child = at.spawn(program, parameters, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  try {
    await once(child.stdout as NodeJS.EventEmitter, 'data');
    const { error } = await client.tcp(address, { port: freePort, connects: true });
    if (error !== undefined) throw new Error(`by hand: ${error}`);
    return performance.now() - begin;
  } finally {
    if (address === GUEST.ipv4) await at.run('ip', 'link', 'set', 'eth0', 'down');
    child.kill('SIGKILL');
    await ended;
  }
}

async function startJitsu(
  network: RoutedNetwork,
  netfilter: object,
  unikernel: (jitsu: RunningJitsu) => object,
  settings: object = {},
): Promise<RunningJitsu> {
  const whole = { plugins: [PLUGIN], privileges: 'none', doormen: { netfilter }, ...settings };
  const jitsu = new RunningJitsu([], whole, within(network.host));
  jitsu.configure([unikernel(jitsu)]);
  await jitsu.start();
  await eventually(async () => {
    if (!JSON.stringify(await jitsu.status('www')).includes('armed')) throw new Error('it is not armed');
  });
  return jitsu;
}

/** How long its last boot took until it was ready, in milliseconds. */
async function readyTime(jitsu: RunningJitsu): Promise<number> {
  let duration: number | undefined;
  await eventually(async () => {
    const events = await jitsu.control.history({ unikernel: 'www' });
    const last = events.findLast(({ kind }) => kind === 'ready' || kind === 'summoning');
    if (last?.kind !== 'ready') throw new Error('it is not ready');
    duration = last.duration;
  });
  return duration ?? Number.NaN;
}

/** How many SYNs this network namespace has sent again. */
async function synsSentAgain(namespace: NetworkNamespace): Promise<number> {
  const [names = [], values = []] = (await namespace.run('cat', '/proc/net/netstat'))
    .split('\n')
    .filter((line) => line.startsWith('TcpExt:'))
    .map((line) => line.split(' '));
  return Number(values[names.indexOf('TCPSynRetrans')]);
}

/** A knock is handled when its client is refused: that takes the way to Jitsu, its rules, and the way back. */
async function knockTimes(network: RoutedNetwork): Promise<void> {
  await using _jitsu = await startJitsu(network, {}, () => aProcess(network), { wake: { deny: ['127.0.0.1'] } });
  const client = await network.startClient('host');
  const [closed, denied] = [[], []] as [number[], number[]];
  for (let round = 0; round < 200; round += 1) {
    closed.push((await client.tcp(ADDRESS, { port: PORTS.freeOfProcess })).took);
    denied.push((await client.tcp(ADDRESS, { port: PORTS.process })).took);
  }
  client.process.kill('SIGKILL');
  printTable('A connection that is refused, in ms; medians of 200', [
    ['', 'a closed port', 'a knock that is denied', 'more'],
    ['', ...[median(closed), median(denied), median(denied) - median(closed)].map((time) => time.toFixed(2))],
  ]);
}
