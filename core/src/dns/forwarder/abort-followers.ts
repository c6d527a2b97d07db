import { Chain, Link } from '../../collections/chain.js';

/** Somebody who must know when a signal aborts. */
export abstract class Follower extends Link {
  abstract abort(reason: Error): void;
}

/** Those who follow the same signal. */
class Group extends Link {
  readonly followers = new Chain<Follower>();

  abort(reason: Error): void {
    for (const each of this.followers.all()) each.abort(reason);
  }
}

/**
 * Tells followers when their signal aborts, with one listener for all of the same signal: a listener costs more than the
 * rest of what is done for a query. It lives as long as the signal.
 */
export class AbortFollowers {
  private readonly bySignal = new WeakMap<AbortSignal, Group>();
  /** Those that are not empty. */
  private readonly groups = new Chain<Group>();
  private count = 0;

  /** How many follow anything. */
  get size(): number {
    return this.count;
  }

  /** Until it leaves. The signal must not have aborted yet. */
  add(signal: AbortSignal, follower: Follower): void {
    const group = this.bySignal.get(signal) ?? this.follow(signal);
    if (group.followers.size === 0) this.groups.add(group);
    group.followers.add(follower);
    this.count += 1;
  }

  delete(signal: AbortSignal, follower: Follower): void {
    const group = this.bySignal.get(signal);
    if (group?.followers.delete(follower) !== true) return;
    this.count -= 1;
    if (group.followers.size === 0) this.groups.delete(group);
  }

  /** Tells all of them, whatever they follow. */
  abort(reason: Error): void {
    for (const group of this.groups.all()) group.abort(reason);
  }

  private follow(signal: AbortSignal): Group {
    const group = new Group();
    this.bySignal.set(signal, group);
    signal.addEventListener('abort', () => group.abort(signal.reason as Error));
    return group;
  }
}
