import { join } from 'node:path';

/** The path of xenstored's socket: `XENSTORED_PATH`, else `socket` in `XENSTORED_RUNDIR`, as in Xen's own tools. */
export function socketPath(environment: NodeJS.ProcessEnv = process.env): string {
  const { XENSTORED_PATH: path, XENSTORED_RUNDIR: folder } = environment;
  return given(path) ?? join(given(folder) ?? '/var/run/xenstored', 'socket');
}

/** An empty variable counts as absent. */
function given(variable: string | undefined): string | undefined {
  return variable === '' ? undefined : variable;
}
