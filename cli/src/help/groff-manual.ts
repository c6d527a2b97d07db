import type { ManualPage } from './manual-page.js';

/** Renders a page with the man macros of roff (man(7)); `jitsu --help=groff | man -l -` shows it. */
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

/** Escapes leading dots and apostrophes, which begin roff requests, and backslashes and hyphens. */
function escaped(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^(?=[.'])/gm, '\\&');
}
