/** Somebody who must know when a signal aborts. */
export interface Follower {
  abort(reason: Error): void;
}

/**
 * Tells followers when their signal aborts, with one listener for all of the same signal: a listener costs more than the
 * rest of what is done for a query.
 */
export class AbortFollowers {
  private readonly groups = new Map<AbortSignal, { followers: Set<Follower>; listener: () => void }>();

  /** Until it leaves. The signal must not have aborted yet. */
  add(signal: AbortSignal, follower: Follower): void {
    const known = this.groups.get(signal);
    if (known !== undefined) {
      known.followers.add(follower);
      return;
    }
    const followers = new Set([follower]);
    const listener = (): void => {
      this.groups.delete(signal);
      for (const each of followers) each.abort(signal.reason as Error);
    };
    this.groups.set(signal, { followers, listener });
    signal.addEventListener('abort', listener);
  }

  delete(signal: AbortSignal, follower: Follower): void {
    const group = this.groups.get(signal);
    if (group?.followers.delete(follower) !== true || group.followers.size > 0) return;
    this.groups.delete(signal);
    signal.removeEventListener('abort', group.listener);
  }
}
