/** How many events a store keeps where nothing else is said. */
export const defaultHistoryLimit = 100_000;
