/** Servers that run; disposed, all of them have ended, the latest first. */
export class ServerStack implements AsyncDisposable {
  readonly #servers: AsyncDisposable[] = [];

  use<T extends AsyncDisposable>(server: T): T {
    this.#servers.push(server);
    return server;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers.splice(0).reverse()) await server[Symbol.asyncDispose]();
  }
}
