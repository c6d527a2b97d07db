import {
  forkChild,
  inheritedEnvironment,
  JitsuError,
  MessageStream,
  type JitsuErrorCode,
  type Logger,
  type MachineId,
} from '@jitsud/core/plugin';
import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { FixedPlan, FoundDomain, Guest, GuestPlan } from '../guest.js';
import type { Finding } from '../saved-memory.js';
import type { XenListener } from '../xen-host.js';
import type { Failure, Order, Report, Seal } from './messages.js';

const PROGRAM = new URL('./sealed-host-program.js', import.meta.url);

/** In milliseconds: how long a close waits for the end of the process. */
const CLOSE_TIMEOUT = 1_000;

/** The order, without its id; of each of its kinds. */
type Unnumbered<T> = T extends unknown ? Omit<T, 'id'> : never;

interface Call {
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/**
 * This host's Xen in a process that keeps root when Jitsu gives it up. It knows a list of guests and takes orders for
 * no others. When it ends by itself, nobody can start it again: its guests run on, and every step of them fails.
 */
export class SealedHost {
  readonly #plans: ReadonlyMap<MachineId, FixedPlan>;
  readonly #child: ChildProcess;
  readonly #socket: Socket;
  readonly #stream: MessageStream;
  readonly #calls = new Map<number, Call>();
  readonly #opened: Promise<void>;
  readonly #ended: Promise<void>;
  #lastId = 0;
  /** Why no step can be taken any more. */
  #end: JitsuError | undefined;

  /** Starts it as the user of this process, which is root. */
  constructor(
    seal: Seal,
    private readonly logger: Logger,
    private readonly listener: XenListener,
  ) {
    this.#plans = new Map(seal.guests.map((plan) => [plan.id, plan]));
    // In a session of its own, it does not receive a Ctrl-C that is meant for Jitsu.
    const child = forkChild(PROGRAM, {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc', 'pipe'],
      detached: true,
      env: inheritedEnvironment(),
    });
    this.#child = child;
    this.#socket = child.stdio[4] as Socket;
    let announce!: () => void;
    let refuse!: (reason: JitsuError) => void;
    this.#opened = new Promise((resolve, reject) => ([announce, refuse] = [resolve, reject]));
    this.#opened.catch(() => undefined);
    this.#stream = new MessageStream(this.#socket, {
      message: (message) => {
        const report = message as Report;
        if (report.kind === 'open') announce();
        else if (report.kind === 'unusable') refuse(errorOf(report.failure));
        else this.#take(report);
      },
      // The end of the process says why.
      end: () => undefined,
    });
    this.#ended = new Promise((resolve) => {
      const end = (how: string): void => {
        const reason = unreachable(`The process of libxl ${how}. Guests run on; restart Jitsu to steer them again.`);
        const isUnexpected = this.#end === undefined;
        this.#fail(reason);
        refuse(reason);
        resolve();
        if (!isUnexpected) return;
        logger.error({}, reason.message);
        listener.onLost(reason);
      };
      child.once('error', (error) => end(`cannot be started: ${error.message}`));
      child.once('exit', (status, signal) => end(`has ended by itself (${signal ?? `status ${status}`})`));
    });
    child.send(seal, (error) => {
      if (error) logger.debug({}, `libxl's process was not told its guests: ${error.message}`);
    });
  }

  /** Whether it has neither been closed nor ended by itself. */
  get isOpen(): boolean {
    return this.#end === undefined;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Resolves when it can be used. @throws JITSU_BACKEND_UNREACHABLE with every obstacle that was found */
  open(): Promise<void> {
    return this.#opened;
  }

  /** Ends the process; steps under way are still carried out as far as libxl alone does them. */
  async close(): Promise<void> {
    this.#fail(unreachable('libxl is not connected.'));
    this.#socket.destroy();
    await Promise.race([this.#ended, sleep(CLOSE_TIMEOUT, undefined, { ref: false })]);
  }

  /** @throws JITSU_BACKEND_DENIED for a guest that is not in the list as it is here */
  guest(plan: GuestPlan): Guest {
    const { id, name } = plan;
    const { words: _words, ...known } = this.#plans.get(id) ?? { words: undefined };
    if (!isDeepStrictEqual(known, plan)) {
      const message = `${name} is not among the guests that Jitsu had when it gave up root, or was another one then. Restart Jitsu.`;
      throw new JitsuError('JITSU_BACKEND_DENIED', message);
    }
    return {
      find: () => this.#order<FoundDomain | undefined>({ guest: id, step: 'find' }),
      macs: (domain) => this.#order<readonly string[]>({ guest: id, step: 'macs', domain }),
      savedMemory: () => this.#order<Finding>({ guest: id, step: 'savedMemory' }),
      forgetMemory: () => this.#order({ guest: id, step: 'forgetMemory' }),
      create: (words) => this.#order<number>({ guest: id, step: 'create', ...(words !== undefined && { words }) }),
      restore: () => this.#order({ guest: id, step: 'restore' }),
      pause: (domain) => this.#order({ guest: id, step: 'pause', domain }),
      unpause: (domain) => this.#order({ guest: id, step: 'unpause', domain }),
      powerOff: (domain) => this.#order({ guest: id, step: 'powerOff', domain }),
      save: (domain, signal) => this.#order({ guest: id, step: 'save', domain }, signal),
      destroy: (domain) => this.#order({ guest: id, step: 'destroy', domain }),
    };
  }

  async #order<T = void>(order: Unnumbered<Order>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    if (this.#end) throw this.#end;
    const id = ++this.#lastId;
    const answered = new Promise((resolve, reject) => this.#calls.set(id, { resolve, reject }));
    const onAbort = (): void => this.#stream.send({ id, step: 'abort' } satisfies Order);
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#stream.send({ id, ...order });
    try {
      return (await answered) as T;
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  #take(report: Exclude<Report, { kind: 'open' | 'unusable' }>): void {
    switch (report.kind) {
      case 'result':
      case 'failure': {
        const call = this.#calls.get(report.id);
        this.#calls.delete(report.id);
        if (report.kind === 'result') call?.resolve(report.result);
        else call?.reject(errorOf(report.failure));
        return;
      }
      case 'changed':
        return this.listener.onChange();
      case 'lost':
        return this.listener.onLost(errorOf(report.failure));
      case 'log':
        return this.logger[report.level](report.fields, report.message);
    }
  }

  /** Fails all steps, current and future ones. */
  #fail(reason: JitsuError): void {
    this.#end ??= reason;
    for (const call of this.#calls.values()) call.reject(this.#end);
    this.#calls.clear();
  }
}

function errorOf({ code, message }: Failure): JitsuError {
  return new JitsuError(code as JitsuErrorCode, message);
}

function unreachable(message: string): JitsuError {
  return new JitsuError('JITSU_BACKEND_UNREACHABLE', message);
}
