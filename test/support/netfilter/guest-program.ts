/**
 * A guest in a network namespace: boots when it is told to, and halts. Its device is down while it is off. After SIGTERM
 * it answers what has come, and ends. With `none` in place of a device it is a program of the host.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { createServer, type Server, type Socket as TcpSocket } from 'node:net';

export interface GuestOrder {
  /** Comes up after so many milliseconds. */
  readonly boot?: number;
  /** Its device goes down or up, and its connections live on. */
  readonly device?: 'up' | 'down';
  /** Halts, at once as by a cut of its power. */
  readonly halt?: true;
}

const ROUTES = 'route replace default via 10.77.0.1\nroute replace default via fd77::1\n';

/** With a time in milliseconds it boots by itself after that, and has nobody to take orders from. */
const [, , device = 'eth0', when, tcpPort = '80'] = process.argv;
const host = '::';
const port = Number(tcpPort);
const udpPort = 5_300;
/** So long after the last connection or datagram nothing is on its way any more, in milliseconds. */
const QUIET = 20;
const sockets = new Set<TcpSocket>();
let servers: (Server | Socket)[] = [];
/** Connections and datagrams. */
let taken = 0;
/** The answers by UDP that the kernel has not taken yet. */
let unsent = 0;

const link = (state: 'up' | 'down'): void => {
  if (device === 'none') return;
  execFileSync('ip', ['link', 'set', device, state]);
  // The kernel forgets these with the link.
  if (state === 'up') spawnSync('ip', ['-force', '-batch', '-'], { input: ROUTES });
};

const listen = async (): Promise<void> => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined).write('hi');
    socket.pipe(socket);
    taken += 1;
    sockets.add(socket.on('close', () => sockets.delete(socket)));
  });
  const udp = createSocket('udp6');
  udp.on('message', (message, { address, port: from }) => {
    taken += 1;
    unsent += 1;
    udp.send(message, from, address, () => (unsent -= 1));
  });
  servers = [server, udp];
  // It is ready when TCP answers, and datagrams must not come before their socket is there.
  await new Promise<void>((resolve) => udp.bind(udpPort, host, resolve));
  await new Promise<void>((resolve) => server.listen(port, host, 1_024, resolve));
};

/** Ends when all that has come is answered. */
const end = (): void => {
  const before = taken;
  setTimeout(() => {
    // What waited while nothing ran is taken between a timer and this.
    setImmediate(() => {
      if (taken > before || unsent > 0) return end();
      for (const server of servers) server.close();
      for (const socket of sockets) socket.end();
      const exitWhenClosed = (): void => {
        if (sockets.size === 0) process.exit();
        setTimeout(exitWhenClosed, 1);
      };
      exitWhenClosed();
    });
  }, QUIET);
};

process.on('message', ({ boot, device: state, halt }: GuestOrder) => {
  if (state !== undefined) {
    link(state);
    process.send?.({ device: state });
  }
  if (halt) {
    for (const server of servers) server.close();
    servers = [];
    link('down');
    for (const socket of sockets) socket.destroy();
    process.send?.({ halted: true });
  }
  if (boot === undefined) return;
  setTimeout(() => {
    link('up');
    void listen().then(() => process.send?.({ booted: true }));
  }, boot);
});
process.on('SIGTERM', end);
process.on('disconnect', () => process.exit());
// It has been suspended, with its device down.
process.on('SIGCONT', () => link('up'));
process.send?.({ started: true });
if (when !== undefined) {
  await new Promise((resolve) => setTimeout(resolve, Number(when)));
  link('up');
  await listen();
  console.log('listens');
}
