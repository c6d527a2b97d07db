import { wrapped } from './wrapped.js';

/** The default width of text in columns. */
const DEFAULT_WIDTH = 100;

/** A list of what is exposed to the network; empty if nothing is. */
export function openText(exposures: readonly string[], columns?: number): string {
  return cautionText('What is open to others:', exposures, columns);
}

/** A list of what should be known; empty where there is nothing. */
export function cautionText(head: string, cautions: readonly string[], columns = DEFAULT_WIDTH): string {
  if (cautions.length === 0) return '';
  const items = cautions.map((caution) => `  !${wrapped(caution, columns, '    ').slice(3)}\n`);
  return `${head}\n\n${items.join('')}`;
}
