/** Prints what a test has measured, below its suite. */
export function tellFigure(text: string): void {
  console.log(`      ${text}`);
}
