import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { IdleLag, IdleMessage } from './idle-program.js';

const PROGRAM = fileURLToPath(new URL('idle-program.js', import.meta.url));

/** In milliseconds. */
const LONGEST_CONNECT = 200;

/** When an idle process has seen a program end. */
export interface Ended {
  /** In milliseconds of the machine's clock; undefined as long as it has not. */
  at?: number;
}

/**
 * A Node process with nothing to do, on the same machine and at the same time: how late it sees what happens is what the
 * machine takes for it, and no fault of a Jitsu beside it.
 */
export class IdleProcess implements Disposable {
  readonly #child: ChildProcess = fork(PROGRAM);
  readonly #watched = new Map<number, { readonly ended: Ended; connected(): void }>();
  #watches = 0;

  constructor() {
    this.#child.on('message', (message: IdleMessage) => {
      if (!('id' in message)) return;
      const watched = this.#watched.get(message.id);
      if (watched === undefined) return;
      if (message.endedAt === undefined) return watched.connected();
      watched.ended.at = message.endedAt;
      this.#watched.delete(message.id);
    });
  }

  /** Has it connect to a program; undefined where that does not listen, or not soon. */
  async watch(address: string): Promise<Ended | undefined> {
    const id = this.#watches++;
    const ended: Ended = {};
    const connected = new Promise<true>((resolve) => this.#watched.set(id, { ended, connected: () => resolve(true) }));
    this.#child.send({ id, address });
    const timer = new AbortController();
    const tooLate = sleep(LONGEST_CONNECT, false, timer).catch(() => false);
    const isConnected = await Promise.race([connected, tooLate]);
    timer.abort();
    return isConnected && ended.at === undefined ? ended : undefined;
  }

  /** How late its timers were. */
  async lag(): Promise<IdleLag> {
    this.#child.send({});
    for (;;) {
      const [message] = (await once(this.#child, 'message')) as [IdleMessage];
      if (!('id' in message)) return message;
    }
  }

  [Symbol.dispose](): void {
    this.#child.kill();
  }
}
