import { forkChild, inheritedEnvironment, nativePackageAdvice, type Logger } from '@jitsud/core/plugin';
import type { ChildProcess } from 'node:child_process';
import { CallFailed } from './call-failed.js';
import type { CallFailure } from './native/call-failure.js';
import type { CallRequest, ProcessMessage } from './native/messages.js';

/** The number of concurrent calls of libxl, each in a thread of Node's pool; others wait there. */
const THREADS = '16';

/** In characters: how much output is kept, and how much of it is quoted. */
const LONGEST_OUTPUT = 4_000;
const QUOTED = 300;

interface Call {
  resolve(result: unknown): void;
  reject(error: CallFailed): void;
}

/** One process of libxl, from its start to its end, and the calls in flight to it. */
export class ChildCalls {
  /** Resolves to the version of Xen. */
  readonly ready: Promise<string>;
  /** Resolves to the reason when the process has ended. Never rejects. */
  readonly ended: Promise<CallFailed>;
  readonly #child: ChildProcess;
  readonly #calls = new Map<number, Call>();
  #onEnd: (reason: CallFailed) => void = () => undefined;
  /** No more calls are made to it. */
  #isRetired = false;
  #lastId = 0;
  #lastWords = '';
  #end: CallFailed | undefined;

  constructor(
    program: URL,
    private readonly logger: Logger,
  ) {
    // In a session of its own, it does not receive a Ctrl-C that is meant for Jitsu: it ends when the channel closes.
    const child = forkChild(program, {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      detached: true,
      env: { ...inheritedEnvironment(), UV_THREADPOOL_SIZE: THREADS },
    });
    this.#child = child;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#takeOutput(text));
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
        // The process is restarted before the callers of the failed calls learn of its end.
        this.#onEnd(reason);
        this.#fail(reason);
        refuse(reason);
        resolve(reason);
      };
      child.once('error', (error) => end(`cannot be started: ${error.message}`));
      child.once('exit', (status, signal) => end(`ended by itself (${signal ?? `status ${status}`})`));
    });
  }

  /** Calls back when it ends by itself, before the calls in flight fail. */
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
    // The call is in flight from now on, though it is sent only when the process is ready. A send fails only when the
    // process has ended, which is handled elsewhere.
    void this.ready.then(() => this.#child.send(request, undefined, undefined, () => undefined)).catch(() => undefined);
    return answered;
  }

  /** Ends the process when no call is in flight; waits for its end only where none is in flight now. */
  async close(): Promise<void> {
    const isIdle = this.#calls.size === 0;
    this.#fail(this.#reason('libxl was closed'));
    this.#letGo();
    if (isIdle) await this.ended;
    else this.#child.unref();
  }

  /** Ends the process when all calls in flight have been answered. */
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

  /** Fails all calls, current and future ones. */
  #fail(reason: CallFailed): void {
    for (const call of this.#calls.values()) call.reject(reason);
    this.#calls.clear();
  }

  /** Handles output of the process and of the scripts that libxl runs: mostly the message of an assertion. */
  #takeOutput(text: string): void {
    this.#lastWords = (this.#lastWords + text).slice(-LONGEST_OUTPUT);
    this.logger.debug({ pid: this.pid }, `libxl's process: ${text.trimEnd()}`);
  }

  #quoteLastWords(): string {
    // Node prints its own state after the assertion that has ended the process.
    const assertion = /^.*Assertion.*$/m.exec(this.#lastWords)?.[0];
    // The same for an import that has failed.
    const missing = assertion === undefined && /^.*native Koffi module.*$/m.exec(this.#lastWords)?.[0];
    if (missing) return `, after it had said "${missing.trim()}". ${nativePackageAdvice('koffi', import.meta.url)}`;
    const words = assertion ?? this.#lastWords.trim().slice(-QUOTED);
    return words === '' ? '' : `, after it had said "${words}"`;
  }
}
