/**
 * Splits a command line into words as a POSIX shell does (XCU 2.2, Quoting): by blanks, with single quotes, double
 * quotes and backslashes. Nothing is expanded and no character is an operator, because no shell runs.
 *
 * @returns undefined when a quote is never closed
 */
export function splitWords(line: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  for (let rest = line; rest !== '';) {
    const part = QUOTED.exec(rest) ?? ESCAPED.exec(rest) ?? PLAIN.exec(rest);
    if (part !== null) {
      word = (word ?? '') + meaning(part[0]);
      rest = rest.slice(part[0].length);
    } else if (BLANKS.test(rest)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      rest = rest.replace(BLANKS, '');
    } else {
      return undefined;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}

const QUOTED = /^(?:'[^']*'|"(?:[^"\\]|\\[^])*")/;
const ESCAPED = /^\\(?:[^]|$)/;
const PLAIN = /^[^\s'"\\]+/;
const BLANKS = /^\s+/;

function meaning(part: string): string {
  if (part === '\\') return part;
  if (part.startsWith("'")) return part.slice(1, -1);
  if (part.startsWith('"')) return part.slice(1, -1).replace(/\\(?:\n|([$`"\\]))/g, '$1');
  return part.replace(/^\\\n?/, '');
}
