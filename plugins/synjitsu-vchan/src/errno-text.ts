import { constants } from 'node:os';

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.errno).map(([name, number]) => [number, name]),
);

/** What libxenvchan left in errno, by its name. */
export function errnoText(errno: number): string {
  return errno === 0 ? 'it gave no reason' : (NAMES.get(errno) ?? `errno ${errno}`);
}
