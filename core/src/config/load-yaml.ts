import { createContext, runInContext } from 'node:vm';
import { defaultLoaders } from 'cosmiconfig';
import { errorCode } from '../errors.js';

/** Deeper than any configuration. */
const DEEPEST = 100;

/** How many values a file may hold at least, however short it is. */
const FEWEST_VALUES = 1_000_000;

/** How long reading takes at most, in milliseconds: some ten times of what a slow machine needs for an honest file. */
const LEAST_TIME = 6_000;
const TIME_OF_CHARACTER = 0.003;

/**
 * Reads a file in YAML. By its aliases and merges a short file can hold more than any memory, or itself.
 * @throws Error for what cannot be read, is nested too deeply, or multiplies what it holds
 */
export function loadYaml(file: string, text: string): unknown {
  const timeout = Math.ceil(LEAST_TIME + TIME_OF_CHARACTER * text.length);
  // The parser itself is loaded by its first use, which takes seconds on a machine that is busy.
  defaultLoaders['.yaml'](file, '');
  let value: unknown;
  try {
    // Only a script can be given up while it runs.
    value = runInContext('load()', createContext({ load: () => defaultLoaders['.yaml'](file, text) as unknown }), {
      timeout,
    });
  } catch (error) {
    if (errorCode(error) === 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw multiplied(file, error);
    throw error;
  }
  let left = FEWEST_VALUES + text.length;
  const count = (inner: unknown, depth: number): void => {
    left -= 1;
    if (left < 0) throw multiplied(file);
    if (typeof inner !== 'object' || inner === null) return;
    if (depth === DEEPEST) throw new Error(`YAML Error in ${file}: it is nested too deeply, or holds itself`);
    for (const item of Array.isArray(inner) ? (inner as readonly unknown[]) : Object.values(inner))
      count(item, depth + 1);
  };
  count(value, 0);
  return value;
}

function multiplied(file: string, cause?: unknown): Error {
  const advice =
    'its aliases (*) and merges (<<) multiply what it holds. Write it with fewer of them, or in TypeScript';
  return new Error(`YAML Error in ${file}: ${advice}`, { cause });
}
