/** Connects, or sends a datagram, when it is told to, and says what came of it. */
import { createSocket } from 'node:dgram';
import { connect, type Socket } from 'node:net';

export interface ClientOrder {
  readonly number: number;
  readonly host: string;
  readonly port: number;
  readonly protocol: 'tcp' | 'udp';
  /** In milliseconds. */
  readonly limit?: number;
  /** Asks for a page: the service does not speak first. */
  readonly page?: true;
  /** What it says first; without it the service speaks first. */
  readonly says?: string;
  /** Is content with a connection: what comes then may end with the machine that is stopped. */
  readonly connects?: true;
  /** Keeps the connection, by the number of this order. */
  readonly keep?: true;
  /** Asks each second whether the connection that it keeps is still there, and gives it up after ten times without answer. */
  readonly keepAlive?: true;
  /** Says something on the connection that this order has kept, and waits for the answer. */
  readonly on?: number;
}

export interface ClientReport {
  readonly number: number;
  /** Absent where it has got its answer. */
  readonly error?: string;
  /** How long it took to connect, or until the answer came, in milliseconds. */
  readonly took: number;
  /** When it began, in milliseconds of the machine's clock. */
  readonly at: number;
}

const kept = new Map<number, Socket>();

process.on('message', (order: ClientOrder) => {
  const begin = performance.now();
  let done = false;
  const end = (error?: string): void => {
    if (done) return;
    done = true;
    const report: ClientReport = {
      number: order.number,
      ...(error !== undefined && { error }),
      took: performance.now() - begin,
      at: performance.timeOrigin + begin,
    };
    process.send?.(report);
  };
  if (order.on !== undefined) say(kept.get(order.on), end);
  else if (order.protocol === 'tcp') tcp(order, end);
  else udp(order, end);
});

function say(socket: Socket | undefined, report: (error?: string) => void): void {
  if (socket?.destroyed !== false) return report('it has ended before');
  const answered = (): void => {
    socket.off('error', failed);
    report();
  };
  const failed = (error: NodeJS.ErrnoException): void => {
    socket.off('data', answered);
    report(error.code ?? error.message);
  };
  socket.once('data', answered).once('error', failed).write('more');
}

function tcp(
  { number, host, port, page, says, connects, keep, keepAlive, limit = 20_000 }: ClientOrder,
  report: (error?: string) => void,
): void {
  const socket = connect({ host, port, autoSelectFamily: false });
  let connected = false;
  socket.setTimeout(limit, () => socket.destroy(new Error(connected ? 'timeout after it was connected' : 'timeout')));
  socket.on('connect', () => {
    connected = true;
    if (connects) {
      report();
      socket.destroy();
    }
    if (says !== undefined) socket.write(says);
    if (page) socket.write('GET / HTTP/1.0\r\n\r\n');
  });
  socket.once('data', () => {
    report();
    if (keepAlive) socket.setKeepAlive(true, 1_000);
    if (keep) kept.set(number, socket.setTimeout(0));
    else socket.destroy();
  });
  socket.on('error', (error: NodeJS.ErrnoException) => report(error.code ?? error.message));
  socket.on('close', () => report(connected ? 'closed without an answer' : 'closed'));
}

function udp({ host, port, limit = 20_000 }: ClientOrder, report: (error?: string) => void): void {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  const timer = setTimeout(() => end('timeout'), limit);
  const end = (error?: string): void => {
    clearTimeout(timer);
    report(error);
    socket.close();
  };
  socket.on('message', () => end());
  socket.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
  socket.connect(port, host, () => socket.send('question'));
}

process.on('disconnect', () => process.exit());
process.send?.({ started: true });
