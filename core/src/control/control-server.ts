import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Clock } from '../contracts/clock.js';
import type { Logger } from '../contracts/logger.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import { JitsuError, errorMessage } from '../errors.js';
import { controlFailure } from './control-failure.js';
import { answerControlRequest } from './control-request.js';
import { ControlSocket } from './control-socket.js';
import type { ControlActions } from './status-report.js';

/** How long `close` waits for requests in progress. */
const closeTimeout: Milliseconds = 1_000;

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
