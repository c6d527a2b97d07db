// A web server for trying Jitsu: node server.js ADDRESS PORT
import { createServer } from 'node:http';

const [address = '127.0.0.1', port = '8080'] = process.argv.slice(2);
const launched = new Date(Date.now() - process.uptime() * 1000);

const server = createServer(({ url }, response) => {
  if (url !== '/') {
    response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('There is only one page here: /\n');
    return;
  }
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' });
  response.end(
    [
      'Hello! You asked for my name, so I was summoned.',
      '',
      `Process ${process.pid}, launched ${launched.toISOString()}, serving ${readyAfter} ms later.`,
      `Up for ${process.uptime().toFixed(1)} s. When nobody asks for my name any more, I am stopped.`,
      '',
    ].join('\n'),
  );
});

let readyAfter;
server.listen(Number(port), address, () => {
  readyAfter = Math.round(process.uptime() * 1000);
  console.log(`hello answers on http://${address}:${server.address().port}/`);
});

process.on('SIGTERM', () => {
  server.closeAllConnections();
  server.close();
});
