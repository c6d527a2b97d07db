import type { ChildProcess } from 'node:child_process';
import type { Exit, LiveChild } from '../contracts/spawner.js';
import { forkChild } from './fork-child.js';
import type { SpawnNews, SpawnOrder } from './spawn-order.js';

const PROGRAM = new URL('./spawner-program.js', import.meta.url);

interface OpenOrder {
  readonly temporary: boolean;
  readonly resolve: (child: LiveChild) => void;
  readonly reject: (error: Error) => void;
}

interface OpenEnd {
  readonly temporary: boolean;
  readonly resolve: (exit: Exit) => void;
}

/** Spawns programs through a separate process, so that Jitsu answers queries meanwhile, and reports their ends. */
export class SpawnerProcess {
  readonly #process: ChildProcess;
  readonly #orders = new Map<number, OpenOrder>();
  readonly #ends = new Map<number, OpenEnd>();
  #count = 0;
  #ended: Error | undefined;
  #closing = false;

  /**
   * @param onChange called when an unknown program has stopped, continued or ended, and when the ends of running
   * programs will not be reported any more
   * @param noNewPrivileges whether its programs cannot get more privileges by executing a file; only Linux can
   * guarantee it
   */
  constructor(
    private readonly onChange: () => void,
    noNewPrivileges = true,
  ) {
    this.#process = forkChild(PROGRAM, { noNewPrivileges, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    this.#process.on('message', (news: SpawnNews) => this.#take(news));
    this.#process.on('error', (error) => this.#end(error));
    this.#process.on('disconnect', () => this.#end(new Error('the process that spawns programs has ended')));
    this.#holdOpen(false);
  }

  /** Whether it cannot take orders any more. */
  get hasEnded(): boolean {
    return this.#ended !== undefined;
  }

  /** @throws the system's error, with its `code` and `path` */
  spawn(order: Omit<SpawnOrder, 'number'>): Promise<LiveChild> {
    if (this.#ended) return Promise.reject(this.#ended);
    const number = this.#count++;
    this.#holdOpen(true);
    return new Promise((resolve, reject) => {
      this.#orders.set(number, { resolve, reject, temporary: order.launch.temporary ?? false });
      this.#process.send({ ...order, number } satisfies SpawnOrder, (error) => {
        if (error) this.#end(error);
      });
    });
  }

  /** Running programs continue, and their ends are not reported any more. Orders under way are still carried out. */
  close(): void {
    if (this.#orders.size > 0) this.#closing = true;
    else if (this.#process.connected) this.#process.disconnect();
  }

  #take(news: SpawnNews): void {
    if ('changed' in news) return this.onChange();
    if ('exit' in news) {
      this.#ends.get(news.number)?.resolve(news.exit);
      this.#ends.delete(news.number);
      return;
    }
    const order = this.#orders.get(news.number);
    if ('pid' in news) order?.resolve(this.#child(news.number, news.pid, order.temporary));
    else order?.reject(Object.assign(new Error(news.failure.message), news.failure));
    this.#orders.delete(news.number);
    if (this.#orders.size > 0) return;
    this.#holdOpen(false);
    if (this.#closing) this.close();
  }

  #child(number: number, pid: number, temporary: boolean): LiveChild {
    const exited = new Promise<Exit>((resolve) => this.#ends.set(number, { resolve, temporary }));
    const isTold = (): boolean => this.#ended === undefined;
    return {
      pid,
      exited,
      get told() {
        return isTold();
      },
    };
  }

  #end(error: Error): void {
    this.#ended ??= Object.assign(error, { lost: true });
    for (const { reject } of this.#orders.values()) reject(this.#ended);
    this.#orders.clear();
    for (const { resolve, temporary } of this.#ends.values()) if (temporary) resolve({});
    this.#ends.clear();
    this.onChange();
  }

  /** A running program does not keep Jitsu from ending; one that is about to start does. */
  #holdOpen(open: boolean): void {
    const [child, channel] = [this.#process, this.#process.channel];
    if (open) {
      child.ref();
      channel?.ref();
    } else {
      child.unref();
      channel?.unref();
    }
  }
}
