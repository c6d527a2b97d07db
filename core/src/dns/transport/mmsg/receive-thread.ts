import { Worker } from 'node:worker_threads';
import type { Milliseconds } from '../../../contracts/milliseconds.js';
import { errorMessage } from '../../../errors.js';
import { senderOf } from '../../../net/socket-address.js';
import { NativeSocketsUnavailable, type SocketCalls } from '../../../net/socket-calls.js';
import type { UdpContext } from '../udp-transport.js';
import type { DatagramSocket } from './datagram-socket.js';
import type { QueryRing } from './query-ring.js';
import { setThreadPriority } from './thread-priority.js';
import type { ReceiveMessage, ReceiveOrder } from './receive-worker.js';
import { aheadOfMachine, createThreadState, ThreadRefusals, ThreadState } from './thread-state.js';

const PROGRAM = new URL('./receive-worker.js', import.meta.url);

/** The pauses before a thread that died is replaced. */
const SHORTEST_PAUSE: Milliseconds = 100;
const LONGEST_PAUSE: Milliseconds = 10_000;

/** In MiB. A thread allocates hardly any objects; without a limit it keeps all the garbage of its start. */
const LIMITS = { maxYoungGenerationSizeMb: 2 };

/** The running threads. Node waits for every thread when it ends, and these block in receive calls. */
const running = new Set<ReceiveThread>();

function endAll(): void {
  for (const thread of running) thread.end();
}

export interface ReceiveThreadOptions extends Omit<UdpContext, 'workers'> {
  readonly calls: SocketCalls;
  readonly socket: DatagramSocket;
  /** Replaces the program of the thread, for tests. */
  readonly program?: URL;
  /** Takes the datagrams that the thread cannot answer. */
  readonly ring: QueryRing;
  /** Called when the ring may have entries. */
  onQueries(): void;
}

/** A thread that receives datagrams from a socket, and is replaced when it dies. */
export class ReceiveThread {
  private readonly state = createThreadState();
  private readonly refusals: ThreadRefusals;
  private exited: Promise<void> = Promise.resolve();
  /** Resolves when it does not use the socket any more. */
  private left: Promise<void> = Promise.resolve();
  private ending = false;
  private pause = SHORTEST_PAUSE;
  private restarting: Disposable | undefined;
  private task: number | undefined;
  private isPrioritized = false;

  private constructor(private readonly options: ReceiveThreadOptions) {
    this.refusals = new ThreadRefusals(this.state, options.access.refusals, options.clock);
  }

  /** Resolves when the thread receives datagrams. @throws NativeSocketsUnavailable */
  static async start(options: ReceiveThreadOptions): Promise<ReceiveThread> {
    const thread = new ReceiveThread(options);
    if (running.size === 0) process.on('exit', endAll);
    running.add(thread);
    try {
      await new Promise<void>((resolve, reject) => thread.run(resolve, reject));
      return thread;
    } catch (error) {
      await thread.close();
      throw new NativeSocketsUnavailable(`its thread does not start: ${errorMessage(error)}`);
    }
  }

  /** Stops receiving from now on. Does nothing a second time: the descriptor may be another file's by then. */
  end(): void {
    if (this.ending) return;
    this.ending = true;
    Atomics.store(this.state, ThreadState.Ending, 1);
    this.options.socket.endReceiving();
  }

  /** Raises or restores its scheduling priority, where the system permits it. */
  prioritize(raised: boolean): void {
    this.isPrioritized = raised;
    if (this.task === undefined) return;
    const { logger, renice } = this.options;
    const code = setThreadPriority(this.task, raised, renice);
    if (code !== undefined) logger.debug({ code }, 'a thread that takes datagrams cannot go first');
  }

  /** Resolves when the thread has handed over all that it received, and does not use the socket any more. */
  async leave(): Promise<void> {
    this.end();
    this.restarting?.[Symbol.dispose]();
    await this.left;
  }

  /** Resolves when the thread has ended. */
  async close(): Promise<void> {
    await this.leave();
    await this.exited;
    this.refusals.settle();
    if (running.delete(this) && running.size === 0) process.off('exit', endAll);
  }

  /** @param failed called at the end of a thread that was never ready; any other thread is replaced */
  private run(onReady: () => void, failed: (reason: Error) => void): void {
    const { calls, socket, ring, recursionAvailable, packets, access, clock, program = PROGRAM } = this.options;
    const { descriptor, kind } = socket;
    const clockAhead = aheadOfMachine(clock.now());
    const memory = { state: this.state, ring, packets, admission: access.shared };
    const order: ReceiveOrder = { descriptor, kind, ...memory, recursionAvailable, clockAhead };
    // The process's own Node flags are not passed on: threads do not accept some of them.
    let worker: Worker;
    try {
      worker = new Worker(program, { name: 'datagrams', workerData: order, execArgv: [], resourceLimits: LIMITS });
    } catch (error) {
      // The system cannot create another thread.
      return failed(error as Error);
    }
    let leave: () => void;
    this.left = new Promise((resolve) => (leave = resolve));
    let readyAt: Milliseconds | undefined;
    let reason = new Error('it has come to its end');
    worker.on('error', (error) => (reason = error));
    worker.on('message', (message: ReceiveMessage) => {
      if (message.kind === 'queries') return this.options.onQueries();
      if (message.kind === 'left') return leave();
      if (message.kind === 'unsent') return this.tellOfUnsent(message.code);
      if (message.kind === 'refused') {
        return this.refusals.announce(message.refusal, senderOf(message.envelope, calls).address);
      }
      readyAt = clock.now();
      this.task = message.task;
      if (this.isPrioritized) this.prioritize(true);
      onReady();
    });
    this.exited = new Promise((resolve) => {
      // All messages of the thread have been delivered before `exit`.
      worker.on('exit', () => {
        // The system may soon give this id to another thread.
        this.task = undefined;
        leave();
        if (readyAt === undefined) failed(reason);
        else this.replace(reason, readyAt);
        resolve();
      });
    });
  }

  private replace(reason: Error, since: Milliseconds): void {
    const { clock, logger } = this.options;
    if (Atomics.load(this.state, ThreadState.Ending) !== 0) return;
    logger.error({ err: reason }, 'a thread that takes datagrams has died; another one takes its place');
    // The thread may have died before it notified of its last entries.
    this.options.onQueries();
    this.refusals.forget();
    if (clock.now() - since > LONGEST_PAUSE) this.pause = SHORTEST_PAUSE;
    const restart = (): void => this.run(ignore, (failure) => this.replace(failure, clock.now()));
    this.restarting = clock.after(this.pause, restart);
    this.pause = Math.min(this.pause * 2, LONGEST_PAUSE);
  }

  private tellOfUnsent(code: string): void {
    const count = Atomics.exchange(this.state, ThreadState.Unsent, 0);
    this.options.logger.debug({ code, count }, 'replies could not be sent');
  }
}

const ignore = (): void => {};
