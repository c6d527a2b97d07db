import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { RelayThread } from '#core/relay/relay-thread.js';
import { freePort } from '../support/free-port.js';
import { median } from './median.js';
import { printTable } from './table.js';

const HERE = '127.0.0.1';
const ROUND_TRIPS = 5_000;
const CONNECTIONS = 1_000;
const DOWNLOAD = 2 ** 30;

/** Sends a byte back for each; asked by `d`, it sends a whole download and ends. */
const PROGRAM = `
  const part = Buffer.alloc(2 ** 20);
  require('net').createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      if (data[0] !== 100) return socket.write(data);
      let left = ${DOWNLOAD} / part.length;
      const send = () => { while (left-- > 0) if (!socket.write(part)) return; socket.end(); };
      socket.on('drain', send);
      send();
    });
  }).listen(Number(process.argv[1]), '${HERE}', () => console.log('listens'));`;

/** What a relay costs: a round trip, a connection with one, and a download, beside the same without it. */
export async function benchRelay(): Promise<void> {
  const [direct, relayed] = [await freePort(), await freePort()];
  const program = spawn(process.execPath, ['-e', PROGRAM, String(direct)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const to = { address: HERE, port: direct };
  const ports = [{ protocol: 'tcp', listen: { address: HERE, port: relayed }, to, proxyProtocol: false }] as const;
  const unikernels = [{ unikernel: 'bench', ports, idle: 900_000, ignored: [] }];
  const thread = new RelayThread({ unikernels, idle: 7_500_000 }, () => 'hold');
  try {
    await Promise.all([once(program.stdout, 'data'), thread.opened]);
    const rows = [];
    for (const [label, port] of [
      ['direct', direct],
      ['relayed', relayed],
    ] as const) {
      // The first ones are for the compiler.
      await roundTrips(port, ROUND_TRIPS);
      const trip = await roundTrips(port, ROUND_TRIPS);
      rows.push([label, trip.toFixed(3), (await connections(port)).toFixed(3), (await download(port)).toFixed(0)]);
    }
    const head = ['', 'round trip, ms', 'connection with one, ms', 'download, MB/s'];
    printTable('A relay of TCP on loopback, medians', [head, ...rows]);
  } finally {
    await thread.end();
    program.kill();
  }
}

async function roundTrips(port: number, count: number): Promise<number> {
  const socket = connect({ host: HERE, port, noDelay: true });
  await once(socket, 'connect');
  const times: number[] = [];
  for (let trip = 0; trip < count; trip += 1) {
    const begin = performance.now();
    socket.write('x');
    await once(socket, 'data');
    times.push(performance.now() - begin);
  }
  socket.destroy();
  return median(times);
}

async function connections(port: number): Promise<number> {
  const times: number[] = [];
  for (let index = 0; index < CONNECTIONS; index += 1) {
    const begin = performance.now();
    const socket = connect({ host: HERE, port, noDelay: true });
    socket.write('x');
    await once(socket, 'data');
    times.push(performance.now() - begin);
    socket.destroy();
  }
  return median(times);
}

async function download(port: number): Promise<number> {
  const begin = performance.now();
  const socket = connect({ host: HERE, port });
  socket.write('d');
  socket.resume();
  await once(socket, 'end');
  socket.end();
  return DOWNLOAD / 1_000 / (performance.now() - begin);
}
