import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import type { StopMode } from '../contracts/machine.js';
import type { LifecycleEvent } from '../contracts/lifecycle-event.js';
import type { HistoryQuery } from '../contracts/state-store.js';
import { JitsuError, errorCode, errorMessage, type JitsuErrorCode } from '../errors.js';
import { reportOf } from './report-check.js';
import type { FlushReport, StatusReport, SummonReport, UnikernelStatus } from './status-report.js';

/** The longest reply that is read, in bytes: 10,000 unikernels take a third of it. */
const LONGEST_REPLY = 16_777_216;

/**
 * Calls a running Jitsu over its control socket. Calls have no timeout, since a summon may take long. Aborting the
 * signal ends the wait: the call rejects with its reason, but the action in the running Jitsu continues.
 *
 * Every method throws JITSU_NOT_RUNNING if no Jitsu listens, JITSU_CONTROL_FAILED if the call fails, and any error that
 * the running Jitsu replies with.
 */
export class ControlClient {
  constructor(private readonly socketPath: string) {}

  async status(signal?: AbortSignal): Promise<StatusReport> {
    return this.#ask('GET', '/status', signal, reportOf.status);
  }

  async summon(unikernel: string, signal?: AbortSignal): Promise<SummonReport> {
    return this.#ask('POST', `/unikernels/${encodeURIComponent(unikernel)}/summon`, signal, reportOf.summon);
  }

  async stop(unikernel: string, mode?: StopMode, signal?: AbortSignal): Promise<UnikernelStatus> {
    const query = mode === undefined ? '' : `?${new URLSearchParams({ mode }).toString()}`;
    const path = `/unikernels/${encodeURIComponent(unikernel)}/stop${query}`;
    return this.#ask('POST', path, signal, reportOf.unikernel);
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
      const asked = request({ socketPath: this.socketPath, method, path, agent: false, ...(signal && { signal }) });
      // What goes wrong after the response has begun, such as more bytes behind it, is told by the response or does not matter.
      asked.on('error', () => undefined);
      asked.end();
      const [response] = (await once(asked, 'response')) as [IncomingMessage];
      const body = await bodyOf(response);
      if (response.statusCode === 200) return reportOf(body);
      throw asThrown(body);
    } catch (error) {
      signal?.throwIfAborted();
      throw error instanceof JitsuError ? error : this.#unanswered(error);
    }
  }

  #unanswered(error: unknown): JitsuError {
    const options = { cause: error };
    switch (errorCode(error)) {
      case 'ENOENT':
      case 'ECONNREFUSED':
      case 'ENOTDIR':
        return new JitsuError(
          'JITSU_NOT_RUNNING',
          `No Jitsu listens at ${this.socketPath}. Start one with "jitsu start", or name the socket of the one that ` +
            `runs with --control.`,
          options,
        );
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

/** The form of our own error codes. */
const CODE = /^JITSU_[A-Z_]{1,100}$/;

function asThrown(body: unknown): JitsuError {
  const { code, message } = (body ?? {}) as { readonly code?: unknown; readonly message?: unknown };
  if (typeof code !== 'string' || !CODE.test(code) || typeof message !== 'string')
    throw new Error('it is no answer of a Jitsu');
  // A newer Jitsu may reply with codes that this version does not know.
  return new JitsuError(code as JitsuErrorCode, message);
}
