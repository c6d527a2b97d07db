import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import type { StopMode } from '../contracts/machine.js';
import type { LifecycleEvent } from '../contracts/lifecycle-event.js';
import type { HistoryQuery } from '../contracts/state-store.js';
import { JitsuError, errorCode, errorMessage, type JitsuErrorCode } from '../errors.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import { processStat } from '../plugin-kit/process-stat.js';
import { OwnerLock } from '../state/owner-lock.js';
import { reportOf } from './report-check.js';
import { socketsOfOthers } from './sockets-of-others.js';
import type {
  GroupReport,
  FlushReport,
  KeepReport,
  KeepTime,
  StatusReport,
  SummonReport,
  UnikernelStatus,
} from './status-report.js';

/** The longest reply that is read, in bytes: 10,000 unikernels take a third of it. */
const LONGEST_REPLY = 16_777_216;

/** How long a Jitsu may take to notice a request. */
const PATIENCE: Milliseconds = 5_000;

/**
 * Calls a running Jitsu over its control socket. A call has no timeout once it was noticed, since a summon may take long.
 * Aborting the signal ends the wait: the call rejects with its reason, but the action in the running Jitsu continues.
 *
 * Every method throws JITSU_NOT_RUNNING if no Jitsu listens, JITSU_CONTROL_FAILED if the call fails, and any error that
 * the running Jitsu replies with.
 */
export class ControlClient {
  constructor(
    private readonly socketPath: string,
    private readonly patience: Milliseconds = PATIENCE,
  ) {}

  async status(signal?: AbortSignal): Promise<StatusReport> {
    return this.#ask('GET', '/status', signal, reportOf.status);
  }

  /** With this unikernel alone, and its last output. */
  async statusOf(unikernel: string, signal?: AbortSignal): Promise<StatusReport> {
    return this.#ask('GET', `/status?${new URLSearchParams({ unikernel }).toString()}`, signal, reportOf.status);
  }

  async summon(unikernel: string, signal?: AbortSignal): Promise<SummonReport> {
    return this.#ask('POST', `/unikernels/${encodeURIComponent(unikernel)}/summon`, signal, reportOf.summon);
  }

  async stop(unikernel: string, mode?: StopMode, signal?: AbortSignal): Promise<UnikernelStatus> {
    const path = `/unikernels/${encodeURIComponent(unikernel)}/stop${stopQuery(mode)}`;
    return this.#ask('POST', path, signal, reportOf.unikernel);
  }

  async summonGroup(group: string, signal?: AbortSignal): Promise<GroupReport<SummonReport>> {
    return this.#ask('POST', `/groups/${encodeURIComponent(group)}/summon`, signal, reportOf.summonGroup);
  }

  async stopGroup(group: string, mode?: StopMode, signal?: AbortSignal): Promise<GroupReport<UnikernelStatus>> {
    const path = `/groups/${encodeURIComponent(group)}/stop${stopQuery(mode)}`;
    return this.#ask('POST', path, signal, reportOf.stopGroup);
  }

  async keep(unikernel: string, time: KeepTime, signal?: AbortSignal): Promise<KeepReport> {
    const query = new URLSearchParams({ ...time }).toString();
    return this.#ask('POST', `/unikernels/${encodeURIComponent(unikernel)}/keep?${query}`, signal, reportOf.keep);
  }

  async flush(name?: string, signal?: AbortSignal): Promise<FlushReport> {
    const query = name === undefined ? '' : `?${new URLSearchParams({ name }).toString()}`;
    return this.#ask('POST', `/flush${query}`, signal, reportOf.flush);
  }

  async history({ unikernel, limit }: HistoryQuery, signal?: AbortSignal): Promise<readonly LifecycleEvent[]> {
    const query = new URLSearchParams();
    if (unikernel !== undefined) query.set('unikernel', unikernel);
    if (limit !== undefined) query.set('limit', String(limit));
    return this.#ask('GET', `/history?${query.toString()}`, signal, reportOf.history);
  }

  async #ask<Report>(
    method: string,
    path: string,
    signal: AbortSignal | undefined,
    reportOf: (body: unknown) => Report,
  ): Promise<Report> {
    try {
      // Node's server says `100 Continue` as soon as it reads this (RFC 9110, 10.1.1), however long the action takes.
      const headers = { expect: '100-continue' };
      const asked = request({
        socketPath: this.socketPath,
        method,
        path,
        headers,
        agent: false,
        ...(signal && { signal }),
      });
      // What goes wrong after the response has begun, such as more bytes behind it, is told by the response or does not matter.
      asked.on('error', () => undefined);
      const impatience = setTimeout(() => asked.destroy(new Unnoticed()), this.patience);
      asked.once('continue', () => clearTimeout(impatience));
      asked.end();
      const [response] = (await once(asked, 'response').finally(() => clearTimeout(impatience))) as [IncomingMessage];
      const body = await bodyOf(response);
      if (response.statusCode === 200) return reportOf(body);
      throw asThrown(body);
    } catch (error) {
      signal?.throwIfAborted();
      throw error instanceof JitsuError ? error : this.#unanswered(error);
    }
  }

  /** What can be told of a Jitsu that has the socket and does not notice requests. */
  #silence(): string {
    const what = `does not answer: it has not noticed a request within ${this.patience / 1_000} s`;
    const pid = ownerOf(this.socketPath);
    if (pid === undefined) return `The Jitsu at ${this.socketPath} ${what}. See its log.`;
    const process = `The Jitsu at ${this.socketPath}, process ${pid}, ${what}`;
    return isStopped(pid)
      ? `${process}, since it is stopped (SIGSTOP, or Ctrl-Z). It goes on by "kill -CONT ${pid}".`
      : `${process}. It may be overloaded: see its log.`;
  }

  #unanswered(error: unknown): JitsuError {
    const options = { cause: error };
    if (error instanceof Unnoticed) return new JitsuError('JITSU_CONTROL_FAILED', this.#silence(), options);
    switch (errorCode(error)) {
      case 'ENOENT':
      case 'ECONNREFUSED':
      case 'ENOTDIR':
        return new JitsuError('JITSU_NOT_RUNNING', `No Jitsu listens at ${this.socketPath}. ${elsewhere()}`, options);
      case 'EACCES':
      case 'EPERM':
        return new JitsuError(
          'JITSU_CONTROL_FAILED',
          `The control socket ${this.socketPath} may be used by its owner alone. Ask as the user that runs Jitsu.`,
          options,
        );
      default:
        return new JitsuError(
          'JITSU_CONTROL_FAILED',
          `The control socket ${this.socketPath} gave no answer: ${errorMessage(error)}. See the log of that Jitsu.`,
          options,
        );
    }
  }
}

/** A request that was not noticed within the patience of its client. */
class Unnoticed extends Error {}

/** Where others run, and how to reach them; where nobody is seen, how to start one. */
function elsewhere(): string {
  const others = socketsOfOthers();
  const uid = process.getuid?.();
  if (others.length === 0) {
    const hidden =
      uid === 0 || uid === undefined ? '' : ' One of another user is found by that user and by root alone.';
    return `Start one with "jitsu start", or name the socket of the one that runs with --control.${hidden}`;
  }
  const list = others.map(({ socket, owner }) => `${socket} (${owner})`).join(', ');
  const how = uid === 0 ? 'name its socket with --control' : 'ask as that user, or as root, such as with sudo';
  return `${others.length === 1 ? 'One of another user runs' : 'Others of other users run'}, at ${list}: ${how}.`;
}

async function bodyOf(response: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response) {
    chunks.push(chunk as Buffer);
    length += (chunk as Buffer).length;
    // Leaving the loop closes the connection.
    if (length > LONGEST_REPLY) throw new Error(`its answer is longer than ${LONGEST_REPLY} bytes`);
  }
  return JSON.parse(Buffer.concat(chunks).toString());
}

/** The process that has the socket; `undefined` where that cannot be read. */
function ownerOf(socket: string): number | undefined {
  try {
    return new OwnerLock(socket).owner?.pid;
  } catch {
    return undefined;
  }
}

function isStopped(pid: number): boolean {
  try {
    return ['T', 't'].includes(processStat(pid)[0] ?? '');
  } catch {
    return false;
  }
}

/** The form of our own error codes. */
const CODE = /^JITSU_[A-Z_]{1,100}$/;

function asThrown(body: unknown): JitsuError {
  const { code, message } = (body ?? {}) as { readonly code?: unknown; readonly message?: unknown };
  if (typeof code !== 'string' || !CODE.test(code) || typeof message !== 'string')
    throw new Error('it is no answer of a Jitsu');
  // A newer Jitsu may reply with codes that this version does not know.
  return new JitsuError(code as JitsuErrorCode, message);
}

function stopQuery(mode: StopMode | undefined): string {
  return mode === undefined ? '' : `?${new URLSearchParams({ mode }).toString()}`;
}
