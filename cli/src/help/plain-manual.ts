import { wrapped } from '../output/wrapped.js';
import type { ManualPage } from './manual-page.js';

const INDENT = '       ';
/** The maximum width in columns: longer lines are hard to read, even on a wide terminal. */
const WIDEST = 80;

/** Renders a page as text of at most `columns` columns, 80 if they are unknown. */
export function plainManual({ name, summary, sections }: ManualPage, columns = WIDEST): string {
  const width = Math.max(40, Math.min(columns, WIDEST));
  const parts = sections.map(({ heading, paragraphs = [], entries = [], example = [] }) =>
    [
      heading,
      ...paragraphs.map((text) => `${wrapped(text, width, INDENT)}\n`),
      ...entries.map(({ term, text }) => `${INDENT}${term}\n${wrapped(text, width, `${INDENT}    `)}\n`),
      ...(example.length > 0 ? [`${example.map((line) => `${INDENT}    ${line}`).join('\n')}\n`] : []),
    ].join('\n'),
  );
  return [`NAME\n${wrapped(`${name} - ${summary}`, width, INDENT)}\n`, ...parts].join('\n');
}
