import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { askOverUdp, type Reply } from './ask-over-udp.js';
import type { NetworkNamespace } from './network-namespace.js';

const ASK_ONCE = fileURLToPath(new URL('ask-once.js', import.meta.url));

/** Where a server runs, and from where it is asked, since its loopback network may be another one than ours. */
export interface Place {
  spawn(program: string, parameters: readonly string[], options: SpawnOptions): ChildProcess;
  ask(port: number, name: string, type: string): Promise<Reply>;
}

export const thisMachine: Place = { spawn, ask: askOverUdp };

export function within(namespace: NetworkNamespace): Place {
  return {
    spawn: (program, parameters, options) => namespace.spawn(program, parameters, options),
    ask: async (port, name, type) =>
      JSON.parse(await namespace.run(process.execPath, ASK_ONCE, String(port), name, type)) as Reply,
  };
}
