/**
 * A web server to be summoned: `node served-program.js FOLDER ADDRESS PORT [HABIT ...]`. It answers with its pid. In
 * FOLDER it writes a file named after its pid, with the times (in milliseconds of the machine's clock) at which it began
 * and at which it listened. Habits: `slow=MS` listens only then, `lingers=MS` takes so long to follow SIGTERM, `deaf`
 * never listens, `crashes` ends with status 3 and a last word, `worker` leaves all else to a child, `wants=ADDRESS` ends
 * with status 4 where the program at ADDRESS does not answer at its start, and answers with 502 where it does not later.
 * Where it is started with a socket (sd_listen_fds(3)), it serves that. Asked for `/close`, it closes its port, and for `/hang`, it does nothing any more.
 */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer, get } from 'node:http';
import { join } from 'node:path';

const [folder = '.', address = '127.0.0.1', port = '0', ...habits] = process.argv.slice(2);
const began = performance.timeOrigin;
const note = (listened?: number): void => {
  writeFileSync(join(folder, String(process.pid)), JSON.stringify({ began, listened }));
};
const milliseconds = (habit: string): number =>
  Number(habits.find((word) => word.startsWith(`${habit}=`))?.slice(habit.length + 1) ?? 0);

if (habits.includes('worker')) {
  const own = process.argv.slice(1).filter((word) => word !== 'worker');
  const worker = spawn(process.execPath, own, { stdio: 'inherit' });
  worker.on('exit', () => process.exit());
  // Only the worker is asked and noted.
  await new Promise(() => undefined);
}
note();
if (habits.includes('crashes')) {
  process.stderr.write('the configuration of this program is missing\n');
  process.exit(3);
}
const wanted = habits.find((word) => word.startsWith('wants='))?.slice('wants='.length);
/** Whether the program that this one wants answers; one that wants none lacks nothing. */
const isServed = (): Promise<boolean> =>
  wanted === undefined
    ? Promise.resolve(true)
    : new Promise((resolve) => {
        const options = { host: wanted, port, path: '/', agent: false };
        get(options, (response) => response.resume().on('end', () => resolve(true))).on('error', () => resolve(false));
      });
if (!(await isServed())) {
  process.stderr.write(`nobody answers at ${String(wanted)}\n`);
  process.exit(4);
}
process.on('SIGTERM', () => setTimeout(() => process.exit(0), milliseconds('lingers')));
setInterval(() => undefined, 60_000);
if (!habits.includes('deaf')) {
  const server = createServer(({ url }, response) => {
    void isServed().then((served) => response.writeHead(served ? 200 : 502).end(String(process.pid)));
    if (url === '/close') server.close();
    if (url === '/hang') response.on('finish', () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
  });
  setTimeout(() => {
    const options = process.env['LISTEN_FDS'] === '1' ? { fd: 3 } : { port: Number(port), host: address };
    server.listen(options, () => note(performance.timeOrigin + performance.now()));
  }, milliseconds('slow'));
}
