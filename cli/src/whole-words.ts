/**
 * The unikernels that words most likely describe which the shell has split at blanks, since quotes were forgotten;
 * `undefined` where each word may describe a unikernel of its own.
 */
export function wholeWords(words: readonly string[]): readonly string[] | undefined {
  const whole: string[] = [];
  for (const word of words) {
    const before = whole.at(-1);
    if (before === undefined || !isContinued(before, word)) whole.push(word);
    else whole[whole.length - 1] = joined(before, word);
  }
  return whole.length < words.length ? whole : undefined;
}

/** Each unikernel has a DNS name, so that a word without one is a part of another. */
function isContinued(before: string, word: string): boolean {
  const [names, others] = [keysOf(word).includes('dns'), keysOf(before).some((key) => key !== 'dns' && key !== '')];
  return isPieceOfValue(word) || !names || !keysOf(before).includes('dns') || (before.endsWith(',') && !others);
}

function joined(before: string, word: string): string {
  if (isPieceOfValue(word)) return `${before} ${word}`;
  return before.endsWith(',') ? `${before}${word}` : `${before},${word}`;
}

/** `server.py` of `command=python3 server.py`. */
function isPieceOfValue(word: string): boolean {
  return !(partsOf(word)[0] ?? '').includes('=');
}

function keysOf(word: string): readonly string[] {
  return partsOf(word).map((part) => (part.split('=', 1)[0] ?? '').trim());
}

function partsOf(word: string): readonly string[] {
  return word.split(/(?<!\\),/);
}
