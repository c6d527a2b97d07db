import { join } from 'node:path';

/** Where xenstored's socket is: `XENSTORED_PATH`, else `socket` in `XENSTORED_RUNDIR`, as Xen's own tools have it. */
export function socketPath(environment: NodeJS.ProcessEnv = process.env): string {
  const { XENSTORED_PATH: path, XENSTORED_RUNDIR: folder } = environment;
  return given(path) ?? join(given(folder) ?? '/var/run/xenstored', 'socket');
}

/** A variable that is empty says nothing. */
function given(variable: string | undefined): string | undefined {
  return variable === '' ? undefined : variable;
}
