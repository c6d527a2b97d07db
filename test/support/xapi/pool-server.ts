import { createServer as createPlainServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError } from './api-error.js';
import { wrongWithFailure } from './data-model.js';
import type { TestCertificate } from './test-certificate.js';
import { Faults, type Fault } from './faults.js';
import { PoolEmulator } from './pool-emulator.js';
import { readMethodCall, writeMethodResponse } from './xml-rpc.js';

interface Call {
  readonly method: string;
  readonly parameters: readonly unknown[];
  readonly write: (outcome: { result: unknown } | { failure: ApiError }) => string;
  readonly type: string;
}

export interface ServerSettings {
  /** Hosts of long ago speak XML-RPC alone. */
  readonly speaks?: 'both' | 'xml-rpc' | 'json-rpc';
  /** What stands behind the type of each body. */
  readonly charset?: string;
  readonly certificate?: TestCertificate;
  readonly address?: string;
  readonly port?: number;
  readonly pool?: PoolEmulator;
}

/**
 * An emulated pool on a loopback address: JSON-RPC 2.0 at /jsonrpc, XML-RPC anywhere else, over TLS where it has a
 * certificate. It can go away and come back; disposed, no socket of it is left.
 */
export class PoolServer implements AsyncDisposable {
  readonly faults = new Faults();
  readonly pool: PoolEmulator;
  readonly address: string;
  port: number;
  /** The address of the coordinator, if this host of the pool is another one. */
  coordinator: string | undefined;
  readonly #sockets = new Set<Socket>();
  #server: ReturnType<typeof createPlainServer> | undefined;

  private constructor(private readonly settings: ServerSettings) {
    this.pool = settings.pool ?? new PoolEmulator();
    this.address = settings.address ?? '127.0.0.1';
    this.port = settings.port ?? 0;
  }

  static async start(settings: ServerSettings = {}): Promise<PoolServer> {
    const server = new PoolServer(settings);
    await server.restore();
    return server;
  }

  /** The URI for a connection. */
  uri(credentials = 'root:secret'): string {
    return `${this.settings.certificate ? 'https' : 'http'}://${credentials}@${this.address}:${this.port}`;
  }

  /** Answers, at the same port as before. */
  async restore(): Promise<void> {
    const { certificate } = this.settings;
    const handle = (request: IncomingMessage, response: ServerResponse): void => {
      this.#handle(request, response).catch((error: unknown) => {
        this.pool.refused.push(`the emulator failed: ${String(error)}`);
        response.destroy();
      });
    };
    const server = certificate ? createTlsServer(certificate, handle) : createPlainServer(handle);
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.port, this.address, resolve);
    });
    this.port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Every connection ends, and none is taken any more. The VMs run on, and sessions end. */
  async lose(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    this.pool.expireSessions();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lose();
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'GET') return this.#get(new URL(request.url ?? '/', 'http://host'), response);
    const isJson = request.url === '/jsonrpc';
    const body = await text(request);
    if (isJson && this.settings.speaks === 'xml-rpc') {
      response.setHeader('content-type', 'text/xml').end(writeMethodResponse(''));
      return;
    }
    if (!isJson && this.settings.speaks === 'json-rpc') {
      response.writeHead(404).end();
      return;
    }
    const call = isJson ? jsonCall(body) : xmlCall(body);
    const fault = this.faults.next(call.method);
    if (await this.#fail(fault, response)) return;
    const outcome = await this.#outcome(call, fault);
    const reply = call.write(outcome);
    response.setHeader('content-type', `${call.type}${this.settings.charset ?? ''}`);
    if (fault?.kind !== 'cut') {
      response.end(reply);
      return;
    }
    response.setHeader('content-length', Buffer.byteLength(reply));
    response.write(reply.slice(0, reply.length / 2), () => response.destroy());
  }

  /** What hosts say outside of XenAPI. Their faults are planned by the path. */
  async #get({ pathname, searchParams }: URL, response: ServerResponse): Promise<void> {
    const fault = this.faults.next(pathname);
    if (await this.#fail(fault, response)) return;
    try {
      if (pathname === '/rrd_updates') response.end(this.pool.rrdUpdates(searchParams));
      else response.writeHead(404).end();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      response.writeHead(401).end();
    }
  }

  /** What comes before a call is executed; true where it then is not. */
  async #fail(fault: Fault | undefined, response: ServerResponse): Promise<boolean> {
    if (fault?.kind === 'latency') await sleep(fault.milliseconds);
    if (fault?.kind === 'expiry') this.pool.expireSessions();
    if (fault?.kind === 'silence') return true;
    if (fault?.kind === 'status') {
      response.writeHead(fault.status).end();
      return true;
    }
    if (fault?.kind !== 'cut' || fault.at !== 'call') return false;
    response.destroy();
    return true;
  }

  async #outcome(
    { method, parameters }: Call,
    fault: Fault | undefined,
  ): Promise<{ result: unknown } | { failure: ApiError }> {
    try {
      if (this.coordinator !== undefined) throw new ApiError('HOST_IS_SLAVE', [this.coordinator]);
      if (fault?.kind === 'error') throw new ApiError(fault.code, fault.parameters);
      return { result: await this.pool.execute(method, parameters) };
    } catch (error) {
      if (error instanceof ApiError) {
        const wrong = wrongWithFailure(method, error.code);
        if (wrong !== undefined) this.pool.refused.push(wrong);
        return { failure: error };
      }
      throw error;
    }
  }
}

function jsonCall(body: string): Call {
  const { id, method, params } = JSON.parse(body) as { id: number; method: string; params: readonly unknown[] };
  return {
    method,
    parameters: params,
    type: 'application/json',
    write: (outcome) =>
      JSON.stringify(
        'result' in outcome
          ? { jsonrpc: '2.0', id, result: outcome.result }
          : {
              jsonrpc: '2.0',
              id,
              error: { code: 1, message: outcome.failure.code, data: outcome.failure.parameters },
            },
      ),
  };
}

function xmlCall(body: string): Call {
  return {
    ...readMethodCall(body),
    type: 'text/xml',
    write: (outcome) =>
      writeMethodResponse(
        'result' in outcome
          ? { Status: 'Success', Value: outcome.result }
          : { Status: 'Failure', ErrorDescription: [outcome.failure.code, ...outcome.failure.parameters] },
      ),
  };
}
