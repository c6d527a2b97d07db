/** Why no more queries are taken in: too many wait, or too many of one network do. */
export type Crowd = 'all' | 'network';

/** What part of all places those of one network may take, so that others find one, too. */
const SHARE = 1 / 4;

/** The queries that wait for their answer: at most `limit`, each with the means to give it up. */
export class PendingQueries {
  private readonly networks = new Map<AbortController, string | undefined>();
  private readonly ofNetwork = new Map<string, number>();
  private readonly share: number;
  private emptied: (() => void)[] = [];

  constructor(private readonly limit: number) {
    this.share = Math.ceil(limit * SHARE);
  }

  /**
   * Takes in one more, or says who is too many. It must be removed when it has been answered.
   * @param network the key of the asker's; none for who may take every place
   */
  add(network?: string): AbortController | Crowd {
    if (this.networks.size >= this.limit) return 'all';
    if (network !== undefined) {
      const waiting = this.ofNetwork.get(network) ?? 0;
      if (waiting >= this.share) return 'network';
      this.ofNetwork.set(network, waiting + 1);
    }
    const controller = new AbortController();
    this.networks.set(controller, network);
    return controller;
  }

  remove(controller: AbortController): void {
    const network = this.networks.get(controller);
    this.networks.delete(controller);
    if (network !== undefined) {
      const left = (this.ofNetwork.get(network) ?? 0) - 1;
      if (left > 0) this.ofNetwork.set(network, left);
      else this.ofNetwork.delete(network);
    }
    if (this.networks.size > 0) return;
    for (const resolve of this.emptied) resolve();
    this.emptied = [];
  }

  /** Resolves when none is left. */
  async empty(): Promise<void> {
    if (this.networks.size > 0) await new Promise<void>((resolve) => this.emptied.push(resolve));
  }

  /** Gives up all that wait. */
  abort(reason: Error): void {
    for (const controller of this.networks.keys()) controller.abort(reason);
  }
}
