/** A thread that sends spoilt messages at a steady rate and abuses TCP, so that the measuring thread is left alone. */
import { createSocket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { TcpAbuser } from '../support/abuse/tcp-abuser.js';
import { dnsCorpus } from '../support/dns-corpus.js';
import { queryBytes } from '../support/dns-message.js';
import { DnsMutator } from '../support/dns-mutator.js';
import { numbersFrom } from '../support/numbers-from.js';
import type { AbuseCounts, AbuseTask } from './abuse-task.js';
import { bootingNames, readyNames } from './soak-setting.js';

/** Spoilt datagrams, out of each ten spoilt messages; TCP carries the others. */
const BY_UDP = 0.8;
const TURN = 20; // ms
/** As many as a socket's buffer holds besides others': what is behind makes up for it in small steps. */
const MOST_A_TURN = 100;
const LONGEST_DATAGRAM = 1_400;

const { port, seed, perSecond } = workerData as AbuseTask;
const corpus = [...dnsCorpus, ...[...readyNames, ...bootingNames].map(({ name }) => queryBytes(name, { edns: {} }))];
const mutator = new DnsMutator(corpus, seed);
const answered = readyNames.map(({ name }) => queryBytes(name, { edns: {} }));
const forsaken = bootingNames.slice(0, 4).map(({ name }) => queryBytes(name));
const abuser = new TcpAbuser(
  { address: '127.0.0.1', port },
  { answered, forsaken },
  new DnsMutator(corpus, seed + 1),
  numbersFrom(seed + 2),
  0,
);
let datagrams = 0;
let stopped = false;

const tell = (): void => {
  const { messages, connections, missing, answers } = abuser.tally;
  parentPort?.postMessage({ datagrams, messages, connections, missing, answers } satisfies AbuseCounts);
};
parentPort?.once('message', () => (stopped = true));
const telling = setInterval(tell, 1_000);
await Promise.all([sendDatagrams(), abuseTcp()]);
clearInterval(telling);
tell();
parentPort?.close();

async function sendDatagrams(): Promise<void> {
  const socket = createSocket('udp4');
  const began = performance.now();
  while (!stopped) {
    const due = ((performance.now() - began) / 1_000) * perSecond * BY_UDP;
    for (let count = 0; count < MOST_A_TURN && datagrams < due; count += 1, datagrams += 1) {
      socket.send(mutator.mutate().subarray(0, LONGEST_DATAGRAM), port, '127.0.0.1');
    }
    await sleep(TURN);
  }
  socket.close();
}

async function abuseTcp(): Promise<void> {
  const began = performance.now();
  while (!stopped) {
    const due = ((performance.now() - began) / 1_000) * perSecond * (1 - BY_UDP);
    if (abuser.tally.messages >= due) await sleep(TURN);
    else await Promise.all([abuser.connection(), abuser.connection(), abuser.connection(), abuser.reconnectStorm(2)]);
  }
}
