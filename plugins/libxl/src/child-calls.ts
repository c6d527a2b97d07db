import type { Logger } from '@jitsud/core/plugin';
import { fork, type ChildProcess } from 'node:child_process';
import { CallFailed } from './call-failed.js';
import type { CallFailure } from './native/call-failure.js';
import type { CallRequest, ProcessMessage } from './native/messages.js';

/** How many calls of libxl may be on their way at once, each in a thread of Node's pool; others wait there. */
const THREADS = '16';

/** In characters: how much is kept, and how much of it is quoted. */
const HEARD = 4_000;
const QUOTED = 300;

interface Call {
  resolve(result: unknown): void;
  reject(error: CallFailed): void;
}

/** One process of libxl, from its start to its end, and the calls that are on their way to it. */
export class ChildCalls {
  /** Resolves to the version of Xen. */
  readonly ready: Promise<string>;
  /** Resolves to the reason when the process has ended. Never rejects. */
  readonly ended: Promise<CallFailed>;
  readonly #child: ChildProcess;
  readonly #calls = new Map<number, Call>();
  #onEnd: (reason: CallFailed) => void = () => undefined;
  /** Nothing more will be asked of it. */
  #isRetired = false;
  #lastId = 0;
  #lastWords = '';
  #end: CallFailed | undefined;

  constructor(
    program: URL,
    private readonly logger: Logger,
  ) {
    // In a session of its own, it is out of reach of a Ctrl-C that is meant for Jitsu: it ends when the channel closes.
    const child = fork(program, [], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      detached: true,
      execArgv: [],
      env: { ...process.env, UV_THREADPOOL_SIZE: THREADS },
    });
    this.#child = child;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#hear(text));
    let announce!: (version: string) => void;
    let refuse!: (reason: CallFailed) => void;
    this.ready = new Promise((resolve, reject) => ([announce, refuse] = [resolve, reject]));
    child.on('message', (message: ProcessMessage) => {
      if (message.kind === 'ready') announce(message.version);
      else if (message.kind === 'unusable') refuse(new CallFailed(message.failure));
      else this.#settle(message);
    });
    this.ended = new Promise((resolve) => {
      const end = (how: string): void => {
        const reason = this.#reason(`libxl's process ${how}${this.#quoteLastWords()}`);
        // Whoever starts it again does so before those hear of it whose calls fail.
        this.#onEnd(reason);
        this.#fail(reason);
        refuse(reason);
        resolve(reason);
      };
      child.once('error', (error) => end(`cannot be started: ${error.message}`));
      child.once('exit', (status, signal) => end(`ended by itself (${signal ?? `status ${status}`})`));
    });
  }

  /** Calls back when it ends by itself, before what is on its way fails. */
  onEnd(listener: (reason: CallFailed) => void): void {
    this.#onEnd = listener;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** @throws CallFailed */
  async call(operation: CallRequest['operation'], parameters: readonly unknown[]): Promise<unknown> {
    if (this.#end) throw this.#end;
    this.#lastId += 1;
    const request: CallRequest = { id: this.#lastId, operation, parameters };
    const answered = new Promise((resolve, reject) => {
      this.#calls.set(request.id, { resolve, reject });
    });
    // It is on its way from now on, though a process that is being started is sent nothing yet. That nothing can be sent
    // means that the process has ended, which is told by itself.
    void this.ready.then(() => this.#child.send(request, undefined, undefined, () => undefined)).catch(() => undefined);
    return answered;
  }

  /** Lets the process end once nothing is on its way; waits for that only where nothing is. */
  async close(): Promise<void> {
    const isIdle = this.#calls.size === 0;
    this.#fail(this.#reason('libxl was closed'));
    this.#letGo();
    if (isIdle) await this.ended;
    else this.#child.unref();
  }

  /** Lets the process end once all that is on its way has been answered. */
  retire(): void {
    this.#isRetired = true;
    if (this.#calls.size === 0) this.#letGo();
  }

  #letGo(): void {
    if (this.#child.connected) this.#child.disconnect();
    this.#child.stderr?.destroy();
  }

  #settle(message: Extract<ProcessMessage, { id: number }>): void {
    const call = this.#calls.get(message.id);
    this.#calls.delete(message.id);
    if (message.kind === 'result') call?.resolve(message.result);
    else call?.reject(new CallFailed(message.failure));
    if (this.#isRetired && this.#calls.size === 0) this.#letGo();
  }

  #reason(message: string): CallFailed {
    const failure: CallFailure = { kind: 'died', message };
    return (this.#end ??= new CallFailed(failure));
  }

  /** Nothing can be asked any more. */
  #fail(reason: CallFailed): void {
    for (const call of this.#calls.values()) call.reject(reason);
    this.#calls.clear();
  }

  /** What the process and the scripts that libxl calls print: an assertion's words, most of all. */
  #hear(text: string): void {
    this.#lastWords = (this.#lastWords + text).slice(-HEARD);
    this.logger.debug({ pid: this.pid }, `libxl's process: ${text.trimEnd()}`);
  }

  #quoteLastWords(): string {
    // Node prints its own state after the assertion that has ended it.
    const assertion = /^.*Assertion.*$/m.exec(this.#lastWords)?.[0];
    const words = assertion ?? this.#lastWords.trim().slice(-QUOTED);
    return words === '' ? '' : `, after it had said "${words}"`;
  }
}
