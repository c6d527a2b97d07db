import { wrapped } from './wrapped.js';

/** How wide running text is where nobody says. */
const USUAL_WIDTH = 100;

/** What is open to the world, as a list; empty where nothing is. */
export function openText(exposures: readonly string[], columns = USUAL_WIDTH): string {
  if (exposures.length === 0) return '';
  const items = exposures.map((exposure) => `  !${wrapped(exposure, columns, '    ').slice(3)}\n`);
  return `What is open to others:\n\n${items.join('')}`;
}
