/** Prints a title and rows of equally many cells; the first row is the head, and all columns but the first are figures. */
export function printTable(title: string, rows: readonly (readonly string[])[]): void {
  const widths = rows.reduce<number[]>((most, row) => row.map((cell, n) => Math.max(cell.length, most[n] ?? 0)), []);
  console.log(`\n${title}`);
  for (const row of rows) {
    const cells = row.map((cell, n) => (n === 0 ? cell.padEnd(widths[n] ?? 0) : cell.padStart(widths[n] ?? 0)));
    console.log(`  ${cells.join('   ')}`);
  }
}
