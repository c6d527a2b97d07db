/** The measurements of {@link benchCold}, in the network that it has made. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import dnsPacket, { type DecodedPacket } from 'dns-packet';
import { SystemClock } from '#core/clock.js';
import { PingProbe } from '#core/builtins/ping-probe.js';
import { loadPosixSpawn } from '#core/plugin-kit/posix-spawn.js';
import { tapGuestWords } from '../support/ping/tap-guest.js';
import { JitsuChild } from './jitsu-child.js';
import { median } from './median.js';
import { printTable } from './table.js';
import { timeOf } from './time-of.js';

const PAIRS = 30;
const ADDRESS = '10.7.0.2';
const NAME = 'cold.bench.test';
const QUERY = dnsPacket.encode({ type: 'query', id: 1, questions: [{ name: NAME, type: 'A' }] });

const [guest = '', device] = process.argv.slice(2);
const words = tapGuestWords('tap0', [ADDRESS], device);
const posix = await loadPosixSpawn();
if (posix === undefined) throw new Error('There is no posix_spawn to compare with.');
const probe = new PingProbe(new SystemClock());
const ping = (): Promise<void> =>
  probe.untilReady({ name: 'cold', id: 'cold', addresses: [ADDRESS] }, AbortSignal.timeout(10_000));

interface Setting {
  /** What is in front of the program on both sides. */
  readonly front?: readonly string[];
  /** A command that is run before the ping on both sides. */
  readonly command?: string;
  readonly options?: object;
  readonly settings?: object;
}

const LIMIT = ['/usr/bin/prlimit', '--nofile=64:64'];
const NOBODY = ['/usr/bin/setpriv', '--reuid=65534', '--regid=65534'];

const SETTINGS: Readonly<Record<string, Setting>> = {
  'as Jitsu itself, sealed': {},
  'as Jitsu itself, not sealed': { settings: { privileges: 'none' } },
  'with a limit of files': { front: LIMIT, options: { limits: { files: 64 } } },
  'as another user': { front: [...NOBODY, '--clear-groups', '--'], options: { user: 'nobody' } },
  'as another user with a group and a limit': {
    front: [...LIMIT, ...NOBODY, '--groups=1', '--'],
    options: { user: 'nobody', groups: ['daemon'], limits: { files: 64 } },
  },
  'as Jitsu itself, sealed, ready by a command': { command: '/bin/true', options: { ready: 'exec:/bin/true' } },
};

const rows: string[][] = [];
for (const [label, setting] of Object.entries(SETTINGS)) {
  const { front = [], options = {}, settings = {} } = setting;
  const unikernel = { name: 'cold', dns: NAME, ip: ADDRESS, backend: 'process', ready: 'ping', cwd: '/', ...options };
  await using jitsu = await JitsuChild.start([{ ...unikernel, command: [guest, ...words] }], NAME, { settings });
  // Open before the time is taken: what a client takes for itself is no part of either side.
  const client = createSocket('udp4');
  client.connect(jitsu.port, '127.0.0.1');
  await once(client, 'connect');
  const [summoned, byHand]: [number[], number[]] = [[], []];
  // The first boot loads what the others use.
  for (let pair = -3; pair < PAIRS; pair += 1) {
    const hand = await startByHand([...front, guest, ...words], setting.command);
    const name = await timeOf(async () => {
      await askForAddress(client);
      await ping();
    });
    await jitsu.stop('cold');
    await sleep(20);
    if (pair < 0) continue;
    byHand.push(hand);
    summoned.push(name);
  }
  client.close();
  const above = median(summoned.map((time, pair) => time - (byHand[pair] ?? NaN)));
  rows.push([label, ...[median(byHand), median(summoned), above].map((time) => time.toFixed(2))]);
}
printTable(`The first ping of a program of 2 KiB, medians of ${PAIRS} pairs, in ms`, [
  ['', 'by hand', 'by name', 'above'],
  ...rows,
]);

async function askForAddress(client: Socket): Promise<void> {
  client.send(QUERY);
  const [reply] = (await once(client, 'message')) as [Buffer];
  const { answers } = dnsPacket.decode(reply) as DecodedPacket;
  if (!answers?.some(({ type }) => type === 'A')) throw new Error(`No address of ${NAME}`);
}

async function startByHand(all: readonly string[], command: string | undefined): Promise<number> {
  let pid = 0;
  const time = await timeOf(async () => {
    pid = spawn(all);
    if (command !== undefined) {
      const ended = once(process, 'SIGCHLD');
      const probing = spawn([command]);
      await ended;
      posix?.take(probing);
    }
    await ping();
  });
  process.kill(pid, 'SIGKILL');
  while (posix?.nextChange()?.exit === undefined) await sleep(1);
  posix.take(pid);
  await sleep(20);
  return time;
}

function spawn(all: readonly string[]): number {
  const [program = ''] = all;
  return posix?.spawn({ program, words: all, variables: process.env, out: undefined, errors: undefined }) ?? 0;
}
