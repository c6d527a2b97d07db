import { Mistake } from './mistake.js';

/** A value as written: strings and numbers in their own spelling, members in their order, duplicates included. */
export type JsonNode =
  | { readonly kind: 'object'; readonly members: readonly JsonMember[] }
  | { readonly kind: 'array'; readonly elements: readonly JsonNode[] }
  /** A string with its quotes, a number, true, false or null. */
  | { readonly kind: 'scalar'; readonly text: string };

export interface JsonMember {
  /** With its quotes. */
  readonly name: string;
  readonly value: JsonNode;
}

/** The deepest nesting: guests parse it recursively, on a small stack. */
const DEEPEST = 64;

const SPACE = /[ \t\r\n]*/y;
const SPACE_AND_COMMAS = /[ \t\r\n,]*/y;
// eslint-disable-next-line no-control-regex -- JSON wants control characters escaped, and so does rumprun
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.+-])/y;
const WORD = /(?:true|false|null)(?!\w)/y;

/**
 * Parses rumprun's JSON: one object. It is JSON except for commas: there may be none, one or several between, before
 * and behind the members of an object and the elements of an array, and behind the whole; the rumprun tool writes it
 * like this. A name may occur several times in an object.
 * @throws Mistake
 */
export function parseRelaxedJson(text: string): JsonNode {
  const reader = new Reader(text);
  reader.skip(SPACE);
  if (reader.peek() !== '{') throw reader.mistake("'{' expected");
  const root = reader.value(0);
  reader.skip(SPACE_AND_COMMAS);
  if (reader.peek() !== '') throw reader.mistake('nothing expected behind the object');
  return root;
}

/** The same values as standard JSON, on one line, without spaces. */
export function compactJson(node: JsonNode): string {
  switch (node.kind) {
    case 'object':
      return `{${node.members.map(({ name, value }) => `${name}:${compactJson(value)}`).join(',')}}`;
    case 'array':
      return `[${node.elements.map(compactJson).join(',')}]`;
    case 'scalar':
      return node.text;
  }
}

class Reader {
  #position = 0;

  constructor(private readonly text: string) {}

  /** The next character; empty at the end. */
  peek(): string {
    return this.text.charAt(this.#position);
  }

  skip(pattern: RegExp): void {
    this.#take(pattern);
  }

  value(depth: number): JsonNode {
    if (depth > DEEPEST) throw this.mistake(`at most ${DEEPEST} levels expected`);
    if (this.peek() === '{') return { kind: 'object', members: this.#series('}', () => this.#member(depth)) };
    if (this.peek() === '[') return { kind: 'array', elements: this.#series(']', () => this.value(depth + 1)) };
    if (this.peek() === '"') return { kind: 'scalar', text: this.#string() };
    const text = this.#take(NUMBER) ?? this.#take(WORD);
    if (text === undefined) throw this.mistake('a value expected');
    return { kind: 'scalar', text };
  }

  mistake(expected: string): Mistake {
    const before = this.text.slice(0, this.#position).split('\n');
    const column = Array.from(before.at(-1) ?? '').length + 1;
    const [character] = this.text.slice(this.#position);
    const found = character === undefined ? 'the end of the file' : JSON.stringify(character);
    return new Mistake(`${expected}, ${found} found`, before.length, column);
  }

  #series<T>(end: string, read: () => T): T[] {
    const items: T[] = [];
    this.#position += 1;
    for (;;) {
      this.skip(SPACE_AND_COMMAS);
      if (this.peek() === end) break;
      if (this.peek() === '') throw this.mistake(`'${end}' expected`);
      items.push(read());
    }
    this.#position += 1;
    return items;
  }

  #member(depth: number): JsonMember {
    if (this.peek() !== '"') throw this.mistake("a name in double quotes or '}' expected");
    const name = this.#string();
    this.skip(SPACE);
    if (this.peek() !== ':') throw this.mistake("':' expected");
    this.#position += 1;
    this.skip(SPACE);
    return { name, value: this.value(depth + 1) };
  }

  #string(): string {
    const string = this.#take(STRING);
    if (string !== undefined) return string;
    this.#position = this.#wrongInString();
    throw this.mistake("a string that ends with '\"' on the same line, with no escapes but those of JSON, expected");
  }

  /** The offset of the first mistake in the string that begins here. */
  #wrongInString(): number {
    const begun = new RegExp(STRING.source.slice(0, -1), 'y');
    begun.lastIndex = this.#position;
    return this.#position + (begun.exec(this.text)?.[0].length ?? 0);
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#position;
    const taken = pattern.exec(this.text)?.[0];
    this.#position += taken?.length ?? 0;
    return taken;
  }
}
