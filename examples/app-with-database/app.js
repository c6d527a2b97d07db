// A page that counts its visits in a database, without which it does not start: node app.js ADDRESS PORT DATABASE
import { createServer } from 'node:http';

const [address = '127.0.0.83', port = '8080', database = 'http://127.0.0.84:8080/'] = process.argv.slice(2);

const known = await (await fetch(database)).json();

const server = createServer(async ({ url }, response) => {
  response.setHeader('content-type', 'text/plain; charset=utf-8');
  // What asks whether this page is ready is no visit.
  if (url !== '/') return response.end('Ready.\n');
  try {
    const { visits } = await (await fetch(database, { method: 'POST' })).json();
    response.end(`Visit ${visits}, of which ${known.visits} were before this page was started.\n`);
  } catch (error) {
    response.writeHead(502).end(`The database does not answer: ${error.message}\n`);
  }
});
server.listen(Number(port), address, () => {
  console.log(`the page is on http://${address}:${server.address().port}/`);
});

process.on('SIGTERM', () => {
  server.closeAllConnections();
  server.close();
});
