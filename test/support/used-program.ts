/**
 * A server that people use for long: `node used-program.js ADDRESS PORT`. Over HTTP: `/stream` sends 64 KiB ten times a
 * second for as many seconds as `?seconds=` says, `/page` is a page that asks for `/poll` each second and then for `/done`
 * with the number of its errors, and an upgrade to WebSocket gets a ping frame (RFC 6455, 5.5.2) each 5 s. Its word
 * `talks=ADDRESS:PORT` has it send a datagram there ten times a second, as a guest asks for the time.
 */
import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { createServer, type ServerResponse } from 'node:http';
import { setInterval as every } from 'node:timers';

const [address = '127.0.0.1', port = '0', ...habits] = process.argv.slice(2);
const HANDSHAKE = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const PING = Uint8Array.of(0x89, 0);
const CHUNK = Buffer.alloc(65_536, 'x');

/** What the last page has told: the number of answers that it got, and of its errors. */
let done = '';

const server = createServer(({ url = '/' }, response) => {
  const { pathname, searchParams } = new URL(url, 'http://used.test');
  const number = (key: string): number => Number(searchParams.get(key));
  if (pathname === '/stream') return stream(response, number('seconds'));
  if (pathname === '/page') {
    response.setHeader('content-type', 'text/html');
    return response.end(pageFor(number('seconds')));
  }
  if (pathname === '/done') done = searchParams.toString();
  response.end(pathname === '/told' ? done : String(process.pid));
});
server.on('upgrade', ({ headers }, socket) => {
  const accept = createHash('sha1')
    .update(`${headers['sec-websocket-key'] ?? ''}${HANDSHAKE}`)
    .digest('base64');
  const lines = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
  socket.write(`${[...lines, `Sec-WebSocket-Accept: ${accept}`].join('\r\n')}\r\n\r\n`);
  const pings = every(() => socket.write(PING), 5_000);
  socket.on('close', () => clearInterval(pings)).on('error', () => socket.destroy());
  socket.resume();
});
// The socket that it is given (sd_listen_fds(3)), or one of its own.
if (process.env['LISTEN_PID'] === String(process.pid)) server.listen({ fd: 3 });
else server.listen(Number(port), address);

const talk = habits.find((habit) => habit.startsWith('talks='))?.slice('talks='.length);
if (talk !== undefined) {
  const [peer, peerPort] = talk.split(':');
  const socket = createSocket('udp4');
  every(() => socket.send('time?', Number(peerPort), peer), 100);
}

function stream(response: ServerResponse, seconds: number): void {
  let left = 10 * seconds;
  const timer = every(() => {
    response.write(CHUNK);
    left -= 1;
    if (left > 0) return;
    clearInterval(timer);
    response.end();
  }, 100);
  response.on('close', () => clearInterval(timer));
}

function pageFor(seconds: number): string {
  return `<!doctype html><title>polls</title><script type="module">
    let answers = 0, errors = 0;
    for (let second = 0; second < ${seconds}; second += 1) {
      try { await (await fetch('/poll', { cache: 'no-store' })).text(); answers += 1; } catch { errors += 1; }
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
    await fetch('/done?answers=' + answers + '&errors=' + errors);
  </script>`;
}
