export interface Column<Row> {
  readonly head: string;
  /** The text of the cell, which may have several lines. */
  readonly cell: (row: Row) => string;
  readonly align?: 'left' | 'right';
}

const gap = '  ';

/** A longer cell is not aligned: otherwise every row would be as long. */
const WIDEST = 300;

/**
 * A table without borders and colours: aligned columns with two spaces between them, no trailing spaces, and no header
 * if no column has one.
 */
export function textTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const heads = columns.some(({ head }) => head !== '') ? [columns.map(({ head }) => [head])] : [];
  const cells = [...heads, ...rows.map((row) => columns.map(({ cell }) => cell(row).split('\n')))];
  const widths = columns.map((_, index) => widest(cells, index));
  const lines = cells.flatMap((row) => {
    const height = row.reduce((most, { length }) => Math.max(most, length), 1);
    return Array.from({ length: height }, (_, line) =>
      columns
        .map(({ align }, index) => padded(row[index]?.[line] ?? '', widths[index] ?? 0, align))
        .join(gap)
        .trimEnd(),
    );
  });
  return `${lines.join('\n')}\n`;
}

/** The width of the widest line in columns. */
export function widthOf(text: string): number {
  return text.split('\n').reduce((width, { length }) => Math.max(width, length), 0);
}

function widest(cells: readonly string[][][], index: number): number {
  const width = cells.reduce(
    (so, row) => (row[index] ?? []).reduce((most, { length }) => Math.max(most, length), so),
    0,
  );
  return Math.min(width, WIDEST);
}

function padded(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  return align === 'left' ? text.padEnd(width) : text.padStart(width);
}
