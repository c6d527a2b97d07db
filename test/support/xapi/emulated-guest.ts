import { createServer, type Server } from 'node:http';
import type { PoolEmulator } from './pool-emulator.js';

/** A VM that boots a web server on a loopback address, so long after it was started, and ends it when it is stopped. */
export class EmulatedGuest implements AsyncDisposable {
  /** When the server last began to listen, by the clock of performance.now(). */
  listeningSince: number | undefined;
  boots = 0;
  #server: Server | undefined;
  #boot: NodeJS.Timeout | undefined;

  constructor(
    pool: PoolEmulator,
    readonly name: string,
    readonly address: string,
    private readonly takes = 100,
  ) {
    pool.addVm(name, {
      macs: ['00:16:3e:00:00:01'],
      habits: { onRun: () => this.#begin(), onEnd: () => this.#end() },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end();
  }

  #begin(): void {
    this.boots += 1;
    const server = createServer((_request, response) => response.end(this.name));
    this.#server = server;
    this.#boot = setTimeout(() => {
      server.listen(8080, this.address, () => (this.listeningSince = performance.now()));
    }, this.takes);
  }

  #end(): void {
    clearTimeout(this.#boot);
    this.#server?.closeAllConnections();
    this.#server?.close();
    this.#server = undefined;
    this.listeningSince = undefined;
  }
}
