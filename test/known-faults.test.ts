import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('../../', import.meta.url));

interface KnownFault {
  readonly fault: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  readonly suites: readonly string[];
}

interface KnownEquivalent {
  readonly file: string;
  readonly from: string;
  readonly to: string;
  readonly reason: string;
}

const listOf = (name: string): unknown =>
  JSON.parse(readFileSync(join(repository, 'scripts/mutate', name), 'utf8')) as unknown;

/** Of spaces and ends of lines, one counts like many. */
const inOneLine = (text: string): string => text.replace(/\s+/g, ' ').trim();

const sources = new Map<string, string>();
function sourceOf(file: string): string {
  let text = sources.get(file);
  if (text === undefined) {
    const path = join(repository, file);
    text = existsSync(path) ? inOneLine(readFileSync(path, 'utf8')) : '';
    sources.set(file, text);
  }
  return text;
}

describe('the list of faults that tests notice', () => {
  const faults = listOf('holes.json') as readonly KnownFault[];

  it('has a place in the code for each, and one alone', () => {
    const lost = faults
      .map(({ fault, file, from }) => ({ fault, file, times: sourceOf(file).split(inOneLine(from)).length - 1 }))
      .filter(({ times }) => times !== 1);
    assert.deepEqual(lost, [], 'the code has moved: write these anew, or remove what cannot exist any more');
  });

  it('changes something, and names suites that are there', () => {
    const idle = faults.filter(({ from, to }) => inOneLine(from) === inOneLine(to)).map(({ fault }) => fault);
    assert.deepEqual(idle, []);
    const missing = faults.flatMap(({ fault, suites }) =>
      suites.filter((suite) => !existsSync(join(repository, 'test', suite))).map((suite) => `${fault}: ${suite}`),
    );
    assert.deepEqual(missing, []);
    assert.deepEqual(
      faults.filter(({ suites }) => suites.length === 0).map(({ fault }) => fault),
      [],
    );
  });

  it('names none twice', () => {
    const names = faults.map(({ fault }) => fault);
    assert.deepEqual(
      names.filter((name, index) => names.indexOf(name) !== index),
      [],
    );
  });
});

describe('the list of faults that change nothing', () => {
  it('has the lines of each in the code', () => {
    const known = listOf('equivalent.json') as readonly KnownEquivalent[];
    const lost = known.filter(({ file, from }) => !sourceOf(file).includes(inOneLine(from)));
    assert.deepEqual(lost, [], 'these lines have changed: look anew whether the fault changes nothing');
  });
});
