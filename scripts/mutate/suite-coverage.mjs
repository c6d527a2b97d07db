import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Which parts of built files one suite has run, by what Node wrote for NODE_V8_COVERAGE. */
export class SuiteCoverage {
  #ranges = new Map();

  /** @param {string} folder where each of the processes and threads has left a file */
  constructor(folder) {
    if (!existsSync(folder)) return;
    for (const name of readdirSync(folder)) {
      for (const { url, functions } of resultOf(readFileSync(join(folder, name), 'utf8'))) {
        const ranges = functions.flatMap((covered) => covered.ranges);
        this.#ranges.set(url, [...(this.#ranges.get(url) ?? []), ranges]);
      }
    }
  }

  /** Whether any process or thread ran this place: the smallest range around it says so. */
  reaches(file, offset) {
    return (this.#ranges.get(pathToFileURL(file).href) ?? []).some((ranges) => {
      let smallest;
      for (const range of ranges) {
        if (range.startOffset > offset || range.endOffset <= offset) continue;
        const size = range.endOffset - range.startOffset;
        if (smallest === undefined || size <= smallest.endOffset - smallest.startOffset) smallest = range;
      }
      return (smallest?.count ?? 0) > 0;
    });
  }
}

/** Nothing of a process that was killed while it wrote: suites kill theirs at any moment. */
function resultOf(text) {
  try {
    return JSON.parse(text).result;
  } catch (error) {
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}
