import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Clock } from '../contracts/clock.js';
import type { Logger } from '../contracts/logger.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import { JitsuError, errorMessage, type JitsuErrorCode } from '../errors.js';
import { answerControlRequest, BadControlRequest } from './control-request.js';
import { ControlSocket } from './control-socket.js';
import type { ControlActions } from './status-report.js';

/** How long `close` waits for requests in progress. */
const closeTimeout: Milliseconds = 1_000;

/** The HTTP status of an error; 500 for any other. */
const statusOf: Partial<Record<JitsuErrorCode, number>> = {
  JITSU_UNIKERNEL_UNKNOWN: 404,
  JITSU_STOP_MODE_UNSUPPORTED: 400,
  JITSU_STOPPED_BY_COMMAND: 409,
  JITSU_ADDRESS_IN_USE: 409,
  JITSU_BACKEND_DENIED: 502,
  JITSU_BACKEND_FAILED: 502,
  JITSU_ROOT_GIVEN_UP: 502,
  JITSU_SUMMON_DIED: 502,
  JITSU_SUMMON_FAILED: 502,
  JITSU_BACKEND_UNREACHABLE: 503,
  JITSU_BOOT_QUEUE_FULL: 503,
  JITSU_SUMMON_BACKING_OFF: 503,
  JITSU_SHUTTING_DOWN: 503,
  JITSU_SUMMON_DEADLINE: 504,
};

/** Serves the control API, JSON over HTTP on a Unix socket; `answerControlRequest` lists the requests. */
export class ControlServer {
  readonly #server = createServer((request, response) => void this.#serve(request, response));
  readonly #socket: ControlSocket;

  constructor(
    socketPath: string,
    private readonly actions: ControlActions,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {
    this.#socket = new ControlSocket(socketPath);
    // A reply may take long (a summon), so there is no idle timeout; Node still closes requests that are never
    // completed.
    this.#server.timeout = 0;
  }

  /** @throws JITSU_ALREADY_RUNNING while another process has this socket, JITSU_CONTROL_FAILED */
  async listen(): Promise<void> {
    await this.#socket.listen(this.#server);
    this.#server.on('error', (error) => this.logger.error({ error }, `the control socket failed: ${error.message}`));
  }

  /** Removes the socket, accepts no more requests, and gives those in progress 1 s to finish. */
  async close(): Promise<void> {
    this.#socket.release();
    if (!this.#server.listening) return;
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeIdleConnections();
    using _ = this.clock.after(closeTimeout, () => this.#server.closeAllConnections());
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // No request has a body; one that is sent anyway must not fill the memory.
    request.resume();
    try {
      reply(response, 200, await answerControlRequest(this.actions, request.method ?? '', request.url ?? ''));
    } catch (error) {
      const { status, failure } = controlFailure(error);
      if (!(error instanceof JitsuError)) {
        this.logger.error({ error }, `${request.method} ${request.url} on the control socket: ${errorMessage(error)}`);
      }
      reply(response, status, failure);
    }
  }
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  if (response.destroyed) return;
  const bytes = Buffer.from(`${JSON.stringify(body)}\n`);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': bytes.length,
    connection: 'close',
  });
  response.end(bytes);
}

/** The HTTP status and body of the reply to a failed action. */
function controlFailure(error: unknown): { status: number; failure: { code: JitsuErrorCode; message: string } } {
  if (!(error instanceof JitsuError)) {
    return { status: 500, failure: { code: 'JITSU_CONTROL_FAILED', message: errorMessage(error) } };
  }
  const status = error instanceof BadControlRequest ? error.httpStatus : (statusOf[error.code] ?? 500);
  return { status, failure: { code: error.code, message: error.message } };
}
