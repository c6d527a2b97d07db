import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { commandLine } from '#core/plugin-kit/command-line.js';

const schema = commandLine('a command');

function wordsOf(line: string): readonly string[] | undefined {
  return schema.safeParse(line).data;
}

describe('splitting a command line', () => {
  for (const [line, words] of [
    [`sh -c 'a "b c"'`, ['sh', '-c', 'a "b c"']],
    ['  python3   server.py\t8080 ', ['python3', 'server.py', '8080']],
    [String.raw`a\ b "c\"d\e" e\\f`, ['a b', String.raw`c"d\e`, String.raw`e\f`]],
    [`--name='x y'"z" ''`, ['--name=x yz', '']],
    // A quote leaves the backslashes of the parts before it alone.
    [String.raw`'\\'"a" \\\\"b"`, [String.raw`\\a`, String.raw`\\b`]],
    ['"\\$HOME \\`x" $ $HOME', ['$HOME `x', '$', '$HOME']],
    ['a\\\nb \\\n "c\\\nd"', ['ab', 'cd']],
    [String.raw`$'a\tb\'\x41\101\u00e9\cA\c?\q' x$"y z"`, [`a\tb'AA\u00e9\x01\x7f\\q`, 'xy z']],
    [String.raw`$'\U0001F600\501\U00110000'`, ['\u{1f600}A\\U00110000']],
  ] as const) {
    it(`splits ${line}`, () => assert.deepEqual(wordsOf(line), words));
  }

  it('cannot split what has a quote that is never closed', () => {
    for (const line of [`a 'b`, `a "b`, `a "b\\"`, `$'a`, `$'a\\'`, `a $'b\\' c`, `$"a\\"`, 'a\\']) {
      assert.match(schema.safeParse(line).error?.message ?? '', /A quote is never closed/);
    }
  });

  it('wants a program', () => {
    for (const line of ['', '  ', [], ['']]) {
      assert.match(schema.safeParse(line).error?.message ?? '', /A program expected/);
    }
  });

  it('refuses a NUL character, which no word of a command can hold', () => {
    for (const line of ['a\0b', ['a', 'b\0'], String.raw`a $'\0'`, String.raw`a $'b\x00c'`, String.raw`$'\c@'`]) {
      assert.match(schema.safeParse(line).error?.message ?? '', /No NUL character can be in it/);
    }
  });

  it('takes a list of words as it is', () => {
    assert.deepEqual(schema.parse(['a b', "'c"]), ['a b', "'c"]);
  });

  it('splits as sh does', function () {
    this.timeout(60_000);
    const character = fc.constantFrom('a', 'b', ' ', '\t', '\n', "'", '"', '\\', '\\', '-', '=', 'é');
    const line = fc.string({ unit: character, maxLength: 24 }).filter((text) => wordsOf(text) !== undefined);
    fc.assert(
      // A newline in the open would end sh's command, a backslash at the very end is sh's continuation.
      fc.property(line, (text) => {
        fc.pre(!/\\$/.test(text));
        const flat = text.replaceAll('\n', ' ');
        const command = `for word in ${flat}\ndo printf '%s\\0' "$word"; done`;
        const output = execFileSync('sh', ['-c', command], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
        assert.deepEqual(wordsOf(flat), output.split('\0').slice(0, -1));
      }),
      { numRuns: 100 },
    );
  });
});
