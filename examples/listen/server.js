// A web server that is given its socket: see sd_listen_fds(3), and `listen` of @jitsud/plugin-process.
import { createServer } from 'node:http';

const { LISTEN_FDS, LISTEN_PID } = process.env;
if (Number(LISTEN_PID) !== process.pid || Number(LISTEN_FDS) < 1) {
  console.error('error: there is no socket for this program: start it by Jitsu with `listen`, or by a socket unit');
  process.exit(1);
}

const server = createServer((_, response) => {
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' });
  response.end(`Hello! You connected, so I was summoned: process ${process.pid}.\n`);
});
// The first socket is file 3, the next one 4, in the order of `listen`.
server.listen({ fd: 3 });

// What has been accepted is answered; what comes from now on waits for the next one.
process.on('SIGTERM', () => {
  server.close();
  server.closeIdleConnections();
});
