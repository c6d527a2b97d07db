import { readFileSync } from 'node:fs';
import { parseAccounts, parseGroups } from '@jitsud/core/plugin';

/** An account of this name is used where there is one. */
const ACCOUNT = 'jitsu-gate';

/**
 * Otherwise the first of these numbers that nobody has. Jitsu itself takes the last one: who takes over one of the two
 * must not reach the memory of the other.
 */
const LOWEST_FREE = 65_520;
const HIGHEST_FREE = 65_532;

/** The user that the gate of a Jitsu with root runs as; `undefined` where there is none but root. */
export function findGateUser(read = (path: string): string => readFileSync(path, 'utf8')): number | undefined {
  const contentOf = (path: string): string => {
    try {
      return read(path);
    } catch {
      return '';
    }
  };
  const accounts = parseAccounts(contentOf('/etc/passwd'));
  const account = accounts.find(({ name, uid }) => name === ACCOUNT && uid !== 0);
  const taken = new Set([
    ...accounts.flatMap(({ uid, gid }) => [uid, gid]),
    ...parseGroups(contentOf('/etc/group')).map(({ gid }) => gid),
  ]);
  const free = Array.from({ length: HIGHEST_FREE - LOWEST_FREE + 1 }, (_, index) => LOWEST_FREE + index);
  const number = account?.uid ?? free.find((each) => !taken.has(each));
  return number !== undefined && isMapped(number, contentOf('/proc/self/uid_map')) ? number : undefined;
}

/** Whether a user namespace has this number (user_namespaces(7)). */
function isMapped(number: number, map: string): boolean {
  const ranges = map
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number));
  return ranges.some(([from = 0, , count = 0]) => number >= from && number - from < count);
}
