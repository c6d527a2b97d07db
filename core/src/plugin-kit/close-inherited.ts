/** Imported before the program of a child: closes the files that its parent did not mean to give it. */
import { closeSync, readlinkSync } from 'node:fs';
import { surviveTerminals } from './survive-terminals.js';

surviveTerminals();

const { JITSU_INHERITED_FILES = '{}' } = process.env;
delete process.env.JITSU_INHERITED_FILES;
for (const [number, link] of Object.entries(JSON.parse(JITSU_INHERITED_FILES) as Record<string, string>)) {
  try {
    // Compared, since Node's own file may have the number of one that was closed before the fork.
    if (readlinkSync(`/proc/self/fd/${number}`) === link) closeSync(Number(number));
  } catch {
    // There is no such file any more.
  }
}
