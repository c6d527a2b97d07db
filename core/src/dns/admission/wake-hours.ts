import type { Milliseconds } from '../../contracts/milliseconds.js';

interface Span {
  /** In minutes of the day; the last one does not belong to it. */
  readonly from: number;
  readonly to: number;
}

/** Spans of the day in the machine's local time. */
export class WakeHours {
  private readonly spans: readonly Span[];

  /** Such as `07:00-22:30`; `22:00-06:00` passes midnight, and one that ends as it begins is the whole day. */
  constructor(spans: readonly string[]) {
    this.spans = spans.map((span) => {
      const [from = 0, to = 0] = span.split('-').map(minuteOf);
      return { from, to };
    });
  }

  /** Whether a moment lies in one of them: always, where there is none. */
  include(moment: Milliseconds): boolean {
    if (this.spans.length === 0) return true;
    const date = new Date(moment);
    const minute = date.getHours() * 60 + date.getMinutes();
    return this.spans.some(({ from, to }) =>
      from < to ? from <= minute && minute < to : from <= minute || minute < to,
    );
  }
}

function minuteOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  return hours * 60 + minutes;
}
