/** A text as it was meant: some editors write U+FEFF in front of a file in UTF-8. */
export function withoutByteOrderMark(text: string): string {
  return text.startsWith('\uFEFF') ? text.slice(1) : text;
}
