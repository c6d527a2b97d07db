/** The default number of events that a store keeps. */
export const defaultHistoryLimit = 100_000;
