/** The queries that wait for their answer: at most `limit`, each with the means to give it up. */
export class PendingQueries {
  private readonly controllers = new Set<AbortController>();
  private emptied: (() => void)[] = [];

  constructor(private readonly limit: number) {}

  /** Takes in one more, or none where the limit is reached. It must be removed when it has been answered. */
  add(): AbortController | undefined {
    if (this.controllers.size >= this.limit) return undefined;
    const controller = new AbortController();
    this.controllers.add(controller);
    return controller;
  }

  remove(controller: AbortController): void {
    this.controllers.delete(controller);
    if (this.controllers.size > 0) return;
    for (const resolve of this.emptied) resolve();
    this.emptied = [];
  }

  /** Resolves when none is left. */
  async empty(): Promise<void> {
    if (this.controllers.size > 0) await new Promise<void>((resolve) => this.emptied.push(resolve));
  }

  /** Gives up all that wait. */
  abort(reason: Error): void {
    for (const controller of this.controllers) controller.abort(reason);
  }
}
