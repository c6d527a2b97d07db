/**
 * A guest in a network namespace, which does what it is told on its socket: one word a line, each answered by a line of
 * JSON (`GuestReport`). It is up when its interface is, announces itself to nobody, and listens a moment later.
 *
 * Its words: the path of its socket, its interface, and the addresses that it listens at.
 */
import { execFileSync } from 'node:child_process';
import { createServer as createControl, createServer, type Server } from 'node:net';
import { createInterface } from 'node:readline';

/** What it answers to each word. */
export interface GuestReport {
  readonly running: boolean;
  readonly mac: string;
  /** When it has last begun to listen, by Date.now(). */
  readonly listenedAt: number;
}

const [path = '', link = '', ...addresses] = process.argv.slice(2);
const PORT = 8_080;
/** In milliseconds. */
const BOOT = 80;

let running = false;
let listenedAt = 0;
let services: readonly Server[] = [];

const ip = (...words: string[]): void => void execFileSync('ip', words);

async function boot(): Promise<void> {
  if (running) return;
  running = true;
  setTimeout(() => {
    if (!running) return;
    ip('link', 'set', link, 'up');
    services = addresses.map(() => createServer((socket) => socket.on('error', () => undefined).end()));
    addresses.forEach((address, index) => services[index]?.listen(PORT, address));
    listenedAt = Date.now();
  }, BOOT);
}

function halt(): void {
  running = false;
  for (const service of services) service.close();
  services = [];
  ip('link', 'set', link, 'down');
}

function macOf(): string {
  const [{ address = '' } = {}] = JSON.parse(
    execFileSync('ip', ['-j', 'link', 'show', link], { encoding: 'utf8' }),
  ) as {
    address?: string;
  }[];
  return address;
}

let mac = macOf();

createControl((socket) => {
  socket.on('error', () => undefined);
  createInterface(socket).on('line', (word) => {
    if (word === 'start') void boot();
    if (word === 'stop') halt();
    const [, address] = /^mac (.*)$/.exec(word) ?? [];
    if (address !== undefined) ip('link', 'set', link, 'address', address);
    if (address !== undefined) mac = macOf();
    socket.write(`${JSON.stringify({ running, mac, listenedAt } satisfies GuestReport)}\n`);
  });
}).listen(path, () => process.stdout.write('listens\n'));
