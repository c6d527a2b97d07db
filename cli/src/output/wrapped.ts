/** Wraps text at spaces to `width` columns; a longer word keeps its length. Each line is indented. */
export function wrapped(text: string, width: number, indent = ''): string {
  return text
    .split('\n')
    .flatMap((paragraph) => linesOf(paragraph, width - indent.length))
    .map((line) => (line === '' ? '' : `${indent}${line}`))
    .join('\n');
}

function linesOf(paragraph: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of paragraph.split(' ').filter((part) => part !== '')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
