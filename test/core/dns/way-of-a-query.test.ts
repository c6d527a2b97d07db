import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const ROOT_OF_COMPOSITION = 'core/src/jitsu.ts';
/** With a plugin's files; a reader shall not have to open more. */
const MOST_FILES = 40;

interface Step {
  readonly file: string;
  readonly isInterface: boolean;
  readonly isPutIn: boolean;
}

/** What is listed in docs/architecture.md, by the line that introduces each list. */
function listedSteps(): ReadonlyMap<string, readonly Step[]> {
  const page = readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8');
  const [, section = ''] = /^## The way of a cold query$([^]*?)^## /m.exec(page) ?? [];
  const lists = new Map<string, Step[]>();
  let list: Step[] | undefined;
  for (const line of section.split('\n')) {
    const [, file] = /^\d+\. `([^`]+)`/.exec(line) ?? [];
    if (file === undefined) {
      if (line.endsWith(':')) lists.set(line.slice(0, -1), (list = []));
      continue;
    }
    const head = line.slice(0, line.indexOf(': '));
    const isPutIn = head.includes(`(put in by \`${ROOT_OF_COMPOSITION}\`)`);
    list?.push({ file, isInterface: head.includes('(interface)') || file.includes('/contracts/'), isPutIn });
  }
  return lists;
}

/** The files of this repository that one imports, types included; for a plugin, the contracts as well. */
function importsOf(file: string): ReadonlySet<string> {
  const text = readFileSync(join(ROOT, file), 'utf8');
  const found = new Set<string>();
  for (const [, specifier = ''] of text.matchAll(/(?:from|new URL\()\s*'([^']+)'/g)) {
    if (specifier === '@jitsud/core/plugin') found.add('core/src/contracts/machine.ts');
    if (!specifier.startsWith('.')) continue;
    found.add(relative(ROOT, resolve(ROOT, dirname(file), specifier)).replace(/\.js$/, '.ts'));
  }
  return found;
}

describe('the way of a cold query in docs/architecture.md', () => {
  const lists = listedSteps();
  const common = lists.get('From here on both are alike') ?? [];

  for (const transport of ['By dgram', 'By mmsg']) {
    const steps = [...(lists.get(transport) ?? []), ...common];

    it(`${transport.toLowerCase()} names files that are there, each led to by one before it`, () => {
      assert.ok(steps.length > 30, `${steps.length} files are listed`);
      const earlier: Step[] = [];
      for (const step of steps) {
        assert.ok(existsSync(join(ROOT, step.file)), `${step.file} is not there`);
        const imports = importsOf(step.file);
        const leads =
          earlier.length === 0 ||
          earlier.some(({ file }) => importsOf(file).has(step.file)) ||
          earlier.some(({ file, isInterface }) => isInterface && imports.has(file)) ||
          (step.isPutIn && importsOf(ROOT_OF_COMPOSITION).has(step.file));
        assert.ok(leads, `no file before ${step.file} leads to it`);
        earlier.push(step);
      }
    });

    it(`${transport.toLowerCase()} names each file once, and no more than ${MOST_FILES}`, () => {
      assert.equal(new Set(steps.map(({ file }) => file)).size, steps.length);
      assert.ok(steps.length <= MOST_FILES, `${steps.length} files`);
    });
  }
});
