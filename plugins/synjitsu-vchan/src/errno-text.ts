import { constants } from 'node:os';

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.errno).map(([name, number]) => [number, name]),
);

/** The name of the errno that libxenvchan left. */
export function errnoText(errno: number): string {
  return errno === 0 ? 'it gave no reason' : (NAMES.get(errno) ?? `errno ${errno}`);
}
