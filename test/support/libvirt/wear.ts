import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** What a process holds at one moment, garbage collected in each of its threads. */
export interface Holding {
  /** How many rounds it has done. */
  readonly rounds: number;
  readonly files: number;
  readonly threads: number;
  /** What keeps, or could keep, Node's event loop going. */
  readonly resources: number;
  readonly residentKiB: number;
  /** JavaScript's, buffers included, by thread: `main`, and `NAME ID` for another. */
  readonly heapsKiB: Readonly<Record<string, number>>;
  /** What C code has allocated and not freed. */
  readonly nativeKiB: number;
}

export interface Wear {
  readonly holdings: readonly Holding[];
  /** Whether libvirt has freed the connections that were closed, which a handle left open would keep it from. */
  readonly isReleased: boolean;
}

/** `leak` keeps a KiB of each round in each place where it can be kept, to see whether that is noticed. */
export type WearKind = 'power' | 'connection' | 'leak';

export interface Plan {
  readonly warmUp: number;
  /** How many rounds go by between two looks. */
  readonly window: number;
  readonly windows: number;
}

const PROGRAM = fileURLToPath(new URL('soak-program.js', import.meta.url));

/**
 * Starts and destroys a domain of libvirt's test driver, or connects and closes, in a process of its own. It looks at
 * what the process holds after the warm-up and after each window.
 */
export async function wearOut(kind: WearKind, { warmUp, window, windows }: Plan): Promise<Wear> {
  // Young generations of one size: else each thread's grows for as long as it likes.
  const flags = ['--expose-gc', '--max-semi-space-size=1'];
  const words = [...flags, PROGRAM, kind, String(warmUp), String(window), String(windows)];
  const { stdout } = await promisify(execFile)(process.execPath, words);
  return JSON.parse(stdout) as Wear;
}
