/** A program that prints the body of the page that its argument names, and fails where there is none within 5 s. */
import { get } from 'node:http';

const [, , url = ''] = process.argv;
const request = get(url, { agent: false, signal: AbortSignal.timeout(5000) }, (response) => {
  if (response.statusCode !== 200) throw new Error(`${url}: status ${String(response.statusCode)}`);
  response.pipe(process.stdout);
});
request.on('error', (error) => {
  console.error(String(error));
  process.exitCode = 1;
});
