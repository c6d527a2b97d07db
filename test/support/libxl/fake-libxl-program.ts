/**
 * Stands in for the process that has libxl: it speaks the same protocol, and knows of a few domains by their numbers.
 * 1 is there, and its information has this process's variables that begin with JITSU_. To look at 2 never ends. 3 ends the process by SIGKILL, and 4 by an assertion, as libxl does.
 */
interface Request {
  readonly id: number;
  readonly operation: string;
  readonly parameters: readonly [number];
}

const ownVariables = Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith('JITSU_')));

if (process.env['FAKE_LIBXL_UNUSABLE'] === 'yes') {
  process.send?.({ kind: 'unusable', failure: { kind: 'unfit', message: 'this libxl is of no use' } });
  process.disconnect();
} else {
  process.send?.({ kind: 'ready', version: '4.17' });
  process.on('message', ({ id, operation, parameters: [domain] }: Request) => {
    if (domain === 2) return;
    if (domain === 3) process.kill(process.pid, 'SIGKILL');
    if (domain === 4) {
      process.stderr.write("libxl: libxl_fork.c:1: f: Assertion `ours' failed.\n");
      process.abort();
    }
    if (operation === 'info')
      process.send?.({ kind: 'result', id, result: JSON.stringify({ domid: domain, ...ownVariables }) });
    else
      process.send?.({ kind: 'failure', id, failure: { kind: 'refused', code: 'ERROR_FAIL', log: ['no', 'never'] } });
  });
}
