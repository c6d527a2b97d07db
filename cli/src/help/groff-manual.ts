import type { ManualPage } from './manual-page.js';

/** A page in the man macros of roff (man(7)): `jitsu --help=groff | man -l -` shows it. */
export function groffManual({ name, summary, version, sections }: ManualPage): string {
  const lines = [
    `.TH "${name.toUpperCase()}" "8" "" "${name} ${version}" "System administration"`,
    '.SH NAME',
    `${escaped(name)} \\- ${escaped(summary)}`,
    ...sections.flatMap(({ heading, paragraphs = [], entries = [], example = [] }) => [
      `.SH "${escaped(heading)}"`,
      ...paragraphs.flatMap((text, index) => [...(index === 0 ? [] : ['.PP']), escaped(text)]),
      ...entries.flatMap(({ term, text }) => ['.TP', `\\fB${escaped(term)}\\fR`, escaped(text)]),
      ...(example.length > 0 ? ['.PP', '.RS', '.nf', ...example.map(escaped), '.fi', '.RE'] : []),
    ]),
  ];
  return `${lines.join('\n')}\n`;
}

/** A line that begins with a dot or an apostrophe would be a request; backslashes and hyphens have meanings of their own. */
function escaped(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^(?=[.'])/gm, '\\&');
}
