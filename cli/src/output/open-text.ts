import { wrapped } from './wrapped.js';

/** The default width of text in columns. */
const DEFAULT_WIDTH = 100;

/** A list of what is exposed to the network; empty if nothing is. */
export function openText(exposures: readonly string[], columns = DEFAULT_WIDTH): string {
  if (exposures.length === 0) return '';
  const items = exposures.map((exposure) => `  !${wrapped(exposure, columns, '    ').slice(3)}\n`);
  return `What is open to others:\n\n${items.join('')}`;
}
