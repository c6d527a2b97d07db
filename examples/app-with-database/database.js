// A small database that needs its time to start: node database.js ADDRESS PORT
import { createServer } from 'node:http';
import { setTimeout } from 'node:timers/promises';

const [address = '127.0.0.84', port = '8080'] = process.argv.slice(2);
let visits = 0;

// As one that recovers what it has stored.
await setTimeout(1_000);

const server = createServer(({ method }, response) => {
  if (method === 'POST') visits += 1;
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ visits }));
});
server.listen(Number(port), address, () => {
  console.log(`the database answers on http://${address}:${server.address().port}/`);
});

process.on('SIGTERM', () => {
  server.closeAllConnections();
  server.close();
});
