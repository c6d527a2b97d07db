import type { DnsSettings } from '../../config/settings.js';
import type { Clock } from '../../contracts/clock.js';
import type { RandomSource } from './random-source.js';
import { PROBE } from './probe.js';
import type { Upstream } from './upstream.js';
import { UpstreamExchange, type Asker } from './upstream-exchange.js';

/** Waits for no answer: whether there is one, the health of the upstream learns by itself. */
const NOBODY: Asker = { answered: () => {}, failed: () => {} };

/** In which order upstreams are asked: those that are down only where all are. */
export class UpstreamOrder {
  private all: readonly Upstream[] = [];
  private asked: readonly Upstream[] = [];
  private turn = 0;

  constructor(
    private readonly order: DnsSettings['forwardOrder'],
    private readonly random: RandomSource,
  ) {}

  /** Who there is, in the order in which they are configured. */
  set(upstreams: readonly Upstream[]): void {
    this.all = upstreams;
    this.refresh();
  }

  /** One of them has gone down or come up. */
  refresh(): void {
    const up = this.all.filter(({ health }) => !health.down);
    this.asked = up.length > 0 ? up : this.all;
  }

  /** Sees whether those that are left out answer again, now and then. */
  probe(clock: Clock): void {
    if (this.asked.length === this.all.length) return;
    const now = clock.now();
    for (const upstream of this.all) {
      if (upstream.health.takeProbe(now)) new UpstreamExchange(PROBE, upstream, NOBODY).start();
    }
  }

  /** Whom to ask for the next query, one after the other. */
  next(): readonly Upstream[] {
    const { asked, order } = this;
    if (asked.length < 2 || order === 'sequential') return asked;
    this.turn = order === 'random' ? this.random.below(asked.length) : (this.turn + 1) % asked.length;
    return [...asked.slice(this.turn), ...asked.slice(0, this.turn)];
  }
}
