import { load } from 'js-yaml';
import { withoutByteOrderMark } from '../files/byte-order-mark.js';

/** A value in the text of a file. */
interface Node {
  /** The index of its first character, or of blanks and comments before it. */
  readonly start: number;
  end: number;
  value: unknown;
  /** The items of a list; the keys and values of a mapping, as they follow one another. */
  readonly children: Node[];
}

/** Finds the line of a value, counted from 1, or of the nearest one that holds it. */
export type LineOf = (path: readonly (string | number)[]) => number | undefined;

/**
 * Finds lines in a file of JSON or YAML whose text could be read. It is parsed a second time for that: the values in use
 * carry no places.
 *
 * @param inside the path of what counts as the whole: `['jitsu']` for a package.json
 */
export function configLines(text: string, inside: readonly string[] = []): LineOf {
  // The parser counts without it.
  const plain = withoutByteOrderMark(text);
  const root = nodesOf(plain);
  // Found when the first line is asked for: a large file may have as many mistakes.
  let ends: readonly number[] | undefined;
  return (path) => {
    let node = root;
    let start: number | undefined;
    for (const key of [...inside, ...path]) {
      const found = node && childOf(unwrapped(node), key, plain);
      if (found === undefined) break;
      start = found.start;
      node = found.value;
    }
    if (start === undefined) return undefined;
    ends ??= endsOfLines(plain);
    return lineAt(firstOf(start, plain), ends);
  };
}

function nodesOf(text: string): Node | undefined {
  const open: Node[] = [{ start: 0, end: 0, value: undefined, children: [] }];
  try {
    load(text, {
      json: true,
      listener: (event, { position, result }) => {
        if (event === 'open') {
          open.push({ start: position, end: position, value: undefined, children: [] });
          return;
        }
        const node = open.pop() as Node;
        node.end = position;
        node.value = result;
        open.at(-1)?.children.push(node);
      },
    });
  } catch {
    // JSON that is no YAML, such as with tabs in some places: a mistake is then told without its line.
    return undefined;
  }
  return open[0]?.children[0];
}

/** The parser reads what might be a key first, and takes it for the value itself where no colon follows. */
function unwrapped(node: Node): Node {
  const [only] = node.children;
  const isSame = only !== undefined && typeof node.value === 'object' && only.value === node.value;
  return isSame ? unwrapped(only) : node;
}

function childOf(
  { value, children }: Node,
  key: string | number,
  text: string,
): { readonly start: number; readonly value: Node | undefined } | undefined {
  if (Array.isArray(value)) {
    const item = children[Number(key)];
    return item && { start: item.start, value: item };
  }
  const index = children.findLastIndex(
    (child) => !isCollection(child.value) && String(child.value) === String(key) && isKey(child, text),
  );
  const found = children[index];
  if (found === undefined) return undefined;
  const next = children[index + 1];
  return { start: found.start, value: next !== undefined && !isKey(next, text) ? next : undefined };
}

/** To write one as text takes time with its length. */
function isCollection(value: unknown): boolean {
  return typeof value === 'object';
}

/** A colon behind it tells a key from a value. */
function isKey({ end }: Node, text: string): boolean {
  return /^\s*:/.test(text.slice(end, end + 100));
}

/** The index behind the blanks and comments that begin here. */
function firstOf(start: number, text: string): number {
  const blanks = /(?:\s|#[^\n]*)*/y;
  blanks.lastIndex = start;
  return start + (blanks.exec(text)?.[0].length ?? 0);
}

function endsOfLines(text: string): readonly number[] {
  const ends: number[] = [];
  for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', end + 1)) ends.push(end);
  return ends;
}

function lineAt(index: number, ends: readonly number[]): number {
  let [low, high] = [0, ends.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ends[middle] as number) < index) low = middle + 1;
    else high = middle;
  }
  return low + 1;
}
