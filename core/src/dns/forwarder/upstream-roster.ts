import type { UpstreamSettings } from '../../config/settings.js';
import { Upstream, type UpstreamSurroundings } from './upstream.js';
import { upstreamText } from './upstream-text.js';

/** The upstreams by how they are written, so that what is known of one outlives a change of the list. */
export class UpstreamRoster {
  private upstreams = new Map<string, Upstream>();

  constructor(private readonly around: UpstreamSurroundings) {}

  /** Those of this list, in its order. Others are closed. */
  of(list: readonly UpstreamSettings[]): readonly Upstream[] {
    const wanted = new Map<string, Upstream>();
    for (const settings of list) {
      const text = upstreamText(settings);
      if (!wanted.has(text)) wanted.set(text, this.upstreams.get(text) ?? new Upstream(settings, this.around));
    }
    const gone = [...this.upstreams.values()].filter(({ text }) => !wanted.has(text));
    this.upstreams = wanted;
    for (const upstream of gone) upstream.close(new Error('it is no longer one of the upstreams'));
    return [...wanted.values()];
  }

  close(reason: Error): void {
    for (const upstream of this.upstreams.values()) upstream.close(reason);
    this.upstreams.clear();
  }
}
