import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FuzzTarget } from './fuzz-target.js';

const FOLDER = fileURLToPath(new URL('../../../test/fuzz/corpus/', import.meta.url));

/** The corpus is small, as it is in the repository: what a run finds anew in seconds need not be there. */
const LONGEST = 600;
const MOST = 60;

/** Inputs that reached new code in earlier runs: a line each, in Base64. */
export function savedCorpus({ name }: FuzzTarget): Uint8Array[] {
  const file = join(FOLDER, `${name}.txt`);
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
  return lines.filter((line) => line !== '').map((line) => Buffer.from(line, 'base64'));
}

export function saveCorpus({ name }: FuzzTarget, inputs: readonly Uint8Array[]): void {
  const short = inputs.filter(({ length }) => length <= LONGEST).map((input) => Buffer.from(input).toString('base64'));
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(
    join(FOLDER, `${name}.txt`),
    [...new Set(short)]
      .slice(0, MOST)
      .map((line) => `${line}\n`)
      .join(''),
  );
}
