/** A duration, or a point in time of a clock (`Clock.now` or `Clock.wallTime`), in milliseconds. */
export type Milliseconds = number;
