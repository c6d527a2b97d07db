import { z } from 'zod';

const EXPECTED = "A command line, or a list of its words, such as ['python3', 'server.py'] expected.";

const NO_NUL = 'No NUL character can be in it.';
const UNCLOSED = 'A quote is never closed, or a backslash has nothing behind it.';

const text = z.string().refine((value) => !value.includes('\0'), NO_NUL);

/** A command: an array of words, or a line that is split as a POSIX shell splits it; no shell ever runs. */
export function commandLine(description: string) {
  return z
    .union([text, z.array(text)], { error: EXPECTED })
    .transform((value, context): [string, ...string[]] => {
      const words = typeof value === 'string' ? wordsOf(value) : value;
      const [program, ...parameters] = words ?? [];
      const hasNul = words?.some((word) => word.includes('\0')) === true;
      if (program && !hasNul) return [program, ...parameters];
      const message = hasNul ? NO_NUL : words ? 'A program expected.' : UNCLOSED;
      context.addIssue({ code: 'custom', message, input: value });
      return z.NEVER;
    })
    .describe(description);
}

/** White space, and the parts of which words consist (POSIX.1-2024, shell command language, 2.2). */
const PARTS =
  /(?<space>[ \t\r\n]+)|\\(?<escaped>[^])|'(?<literal>[^']*)'|\$'(?<c>(?:[^'\\]|\\[^])*)'|\$?"(?<quoted>(?:[^"\\]|\\[^])*)"|(?<plain>[^ \t\r\n'"\\$]+|\$(?!'))/gy;

/** `undefined` where a quote is not closed, or a backslash is the last character. */
function wordsOf(line: string): readonly string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let end = 0;
  for (const { 0: part, index, groups: { space, escaped, literal, c, quoted, plain } = {} } of line.matchAll(PARTS)) {
    end = index + part.length;
    if (space !== undefined && word !== undefined) words.push(word);
    if (space !== undefined) word = undefined;
    // A line is continued after a backslash, which begins no word.
    else if (escaped !== '\n') word = (word ?? '') + (escaped ?? literal ?? plain ?? fromC(c) ?? fromQuoted(quoted));
  }
  if (word !== undefined) words.push(word);
  return end === line.length ? words : undefined;
}

/** In double quotes, a backslash is special in front of these characters alone. */
function fromQuoted(text = ''): string {
  return text.replace(/\\([$`"\\\n])/g, (_, character: string) => (character === '\n' ? '' : character));
}

const C_ESCAPES: Readonly<Record<string, string>> = {
  ...{ a: '\x07', b: '\b', e: '\x1b', E: '\x1b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' },
  ...{ '\\': '\\', "'": "'", '"': '"', '?': '?', '\n': '' },
};

/** The text of `$'…'`. */
function fromC(text: string | undefined): string | undefined {
  return text?.replace(
    /\\(?:([0-7]{1,3})|x([\da-fA-F]{1,2})|u([\da-fA-F]{1,4})|U([\da-fA-F]{1,8})|c([^])|([^]))/g,
    (all, octal?: string, x?: string, short?: string, long?: string, control?: string, other?: string) => {
      const hexadecimal = x ?? short ?? long;
      if (octal !== undefined) return String.fromCharCode(parseInt(octal, 8) & 255);
      if (hexadecimal !== undefined) return characterOf(parseInt(hexadecimal, 16)) ?? all;
      if (control !== undefined) return control === '?' ? '\x7f' : String.fromCharCode(control.charCodeAt(0) & 31);
      return C_ESCAPES[other ?? ''] ?? all;
    },
  );
}

/** `undefined` for a number that is no character's. */
function characterOf(codePoint: number): string | undefined {
  return codePoint <= 0x10ffff ? String.fromCodePoint(codePoint) : undefined;
}
