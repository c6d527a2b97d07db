import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** What a process holds at one moment. */
export interface Holding {
  readonly files: number;
  readonly threads: number;
  /** What keeps, or could keep, Node's event loop going. */
  readonly resources: number;
  readonly residentKiB: number;
  /** JavaScript's, of the main thread. */
  readonly heapKiB: number;
  /** What C code has allocated and not freed. */
  readonly nativeKiB: number;
}

export interface Wear {
  readonly before: Holding;
  readonly after: Holding;
  /** Whether libvirt has freed the connections that were closed, which a handle left open would keep it from. */
  readonly isReleased: boolean;
}

const PROGRAM = fileURLToPath(new URL('soak-program.js', import.meta.url));

/** Starts and destroys a domain of libvirt's test driver, or connects and closes, so often, in a process of its own. */
export async function wearOut(kind: 'power' | 'connection', warmUp: number, rounds: number): Promise<Wear> {
  // Young generations of one size: else each thread's grows for as long as it likes.
  const flags = ['--expose-gc', '--max-semi-space-size=1'];
  const words = [...flags, PROGRAM, kind, String(warmUp), String(rounds)];
  const { stdout } = await promisify(execFile)(process.execPath, words);
  return JSON.parse(stdout) as Wear;
}
