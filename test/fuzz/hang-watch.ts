import { closeSync, openSync, writeSync } from 'node:fs';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

/** A run that takes so many ticks hangs. Ticks and not the time are counted: a stopped process hangs not. */
const TICK = 500;
const MOST_TICKS = 60;

interface Watched {
  readonly runs: SharedArrayBuffer;
  readonly command: string;
}

/**
 * Ends the process where a run does not come to its end, and keeps the input of each run in a file, for when the process
 * crashes.
 */
export class HangWatch implements Disposable {
  readonly #runs = new Int32Array(new SharedArrayBuffer(4));
  readonly #file: number;
  readonly #worker: Worker;

  /** @param command repeats the run with the input in the file */
  constructor(file: string, command: string) {
    this.#file = openSync(file, 'w');
    const watched: Watched = { runs: this.#runs.buffer as SharedArrayBuffer, command };
    this.#worker = new Worker(new URL(import.meta.url), { workerData: watched });
    this.#worker.unref();
  }

  /** A run begins, with this input. */
  begin(input: Uint8Array): void {
    Atomics.add(this.#runs, 0, 1);
    const head = Buffer.alloc(4);
    head.writeUInt32BE(input.length);
    // Over the one before: to truncate the file would take longer than the run.
    writeSync(this.#file, Buffer.concat([head, input]), 0, input.length + 4, 0);
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
    void this.#worker.terminate();
  }
}

/** The input in a file of `HangWatch`. */
export function watchedInput(bytes: Buffer): Uint8Array {
  return bytes.subarray(4, 4 + bytes.readUInt32BE(0));
}

if (!isMainThread && parentPort !== null && (workerData as Watched | undefined)?.runs !== undefined) {
  const { runs, command } = workerData as Watched;
  const counter = new Int32Array(runs);
  let [last, ticks] = [-1, 0];
  setInterval(() => {
    const now = Atomics.load(counter, 0);
    ticks = now === last ? ticks + 1 : 0;
    last = now;
    if (ticks < MOST_TICKS) return;
    writeSync(2, `\nFound: a run takes longer than ${(TICK * MOST_TICKS) / 1_000} s.\n  ${command}\n`);
    process.kill(process.pid, 'SIGKILL');
  }, TICK);
}
