/** A duration, or a point in time counted from the Unix epoch, in milliseconds. */
export type Milliseconds = number;
