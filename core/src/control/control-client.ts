import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { json } from 'node:stream/consumers';
import type { StopMode } from '../contracts/machine.js';
import type { LifecycleEvent } from '../contracts/lifecycle-event.js';
import type { HistoryQuery } from '../contracts/state-store.js';
import { JitsuError, errorCode, errorMessage, type JitsuErrorCode } from '../errors.js';
import type { FlushReport, StatusReport, SummonReport, UnikernelStatus } from './status-report.js';

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
    return (await this.#ask('GET', '/status', signal)) as StatusReport;
  }

  async summon(unikernel: string, signal?: AbortSignal): Promise<SummonReport> {
    return (await this.#ask('POST', `/unikernels/${encodeURIComponent(unikernel)}/summon`, signal)) as SummonReport;
  }

  async stop(unikernel: string, mode?: StopMode, signal?: AbortSignal): Promise<UnikernelStatus> {
    const query = mode === undefined ? '' : `?${new URLSearchParams({ mode }).toString()}`;
    const path = `/unikernels/${encodeURIComponent(unikernel)}/stop${query}`;
    return (await this.#ask('POST', path, signal)) as UnikernelStatus;
  }

  async flush(name?: string, signal?: AbortSignal): Promise<FlushReport> {
    const query = name === undefined ? '' : `?${new URLSearchParams({ name }).toString()}`;
    return (await this.#ask('POST', `/flush${query}`, signal)) as FlushReport;
  }

  async history({ unikernel, limit }: HistoryQuery, signal?: AbortSignal): Promise<readonly LifecycleEvent[]> {
    const query = new URLSearchParams();
    if (unikernel !== undefined) query.set('unikernel', unikernel);
    if (limit !== undefined) query.set('limit', String(limit));
    return (await this.#ask('GET', `/history?${query.toString()}`, signal)) as readonly LifecycleEvent[];
  }

  async #ask(method: string, path: string, signal: AbortSignal | undefined): Promise<unknown> {
    try {
      const asked = request({ socketPath: this.socketPath, method, path, agent: false, ...(signal && { signal }) });
      asked.end();
      const [response] = (await once(asked, 'response')) as [IncomingMessage];
      const body = await json(response);
      if (response.statusCode === 200) return body;
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

function asThrown(body: unknown): JitsuError {
  const { code, message } = (body ?? {}) as { readonly code?: unknown; readonly message?: unknown };
  if (typeof code !== 'string' || typeof message !== 'string') throw new Error('it is no answer of a Jitsu');
  // A newer Jitsu may reply with codes that this version does not know.
  return new JitsuError(code as JitsuErrorCode, message);
}
