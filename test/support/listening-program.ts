/**
 * A program to be started with sockets (sd_listen_fds(3)): `node listening-program.js [HABIT ...]`. By TCP it writes its
 * pid, the name of the socket and the address of the client and ends the connection; it sends the same for each datagram.
 * After SIGTERM it accepts nothing more, and answers what it has accepted. Habits: `slow=MS` accepts only then, `deaf`
 * never does, `crashes` ends at once.
 */
import { createSocket } from 'node:dgram';
import { fstatSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';

const TABLES = { udp4: 'udp', udp6: 'udp6' } as const;

const habits = process.argv.slice(2);
const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES = '' } = process.env;
if (Number(LISTEN_PID) !== process.pid) {
  process.stderr.write(`error: LISTEN_PID is ${String(LISTEN_PID)}, and this is ${process.pid}\n`);
  process.exit(4);
}
if (habits.includes('crashes')) {
  process.stderr.write('error: no database\n');
  process.exit(3);
}
const names = LISTEN_FDNAMES.split(':');
const servers: Server[] = [];
/** The answers by UDP that the kernel has not taken yet. */
let unsent = 0;
const delay = Number(habits.find((word) => word.startsWith('slow='))?.slice(5) ?? 0);
process.on('SIGTERM', () => {
  let open = servers.length;
  const end = (): void => {
    if (unsent === 0) process.exit(0);
    setTimeout(end, 1);
  };
  if (open === 0) end();
  for (const server of servers) server.close(() => (open -= 1) === 0 && end());
});
setInterval(() => undefined, 60_000);
if (!habits.includes('deaf')) setTimeout(serve, delay);

function serve(): void {
  for (let index = 0; index < Number(LISTEN_FDS); index += 1) {
    const fd = 3 + index;
    const answer = (client: string | undefined): string => `${process.pid} ${names[index]} ${client}`;
    const type = (['udp4', 'udp6'] as const).find((each) => isIn(TABLES[each], fd));
    if (type !== undefined) {
      const socket = createSocket(type);
      socket.on('message', (_, { address, port }) => {
        unsent += 1;
        socket.send(answer(address), port, address, () => (unsent -= 1));
      });
      socket.bind({ fd });
      continue;
    }
    const server = createServer((client) => client.on('error', () => undefined).end(answer(client.remoteAddress)));
    servers.push(server.listen({ fd }));
  }
}

/** Whether a file is a socket of this table of the kernel. */
function isIn(table: string, fd: number): boolean {
  return readFileSync(`/proc/net/${table}`, 'utf8').includes(` ${fstatSync(fd).ino} `);
}
