import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('../../../', import.meta.url));

/** Each face, and what has to use each of its exports. */
const FACES = {
  '@jitsud/core': 'core/src/index.ts',
  '@jitsud/core/control': 'core/src/control/index.ts',
  '@jitsud/core/plugin': 'core/src/plugin.ts',
  '@jitsud/core/testing': 'core/src/testing/index.ts',
} as const;

/** What users read: plugins, the command, examples, and pages. */
const sources = [
  ...filesIn('cli/src'),
  ...filesIn('examples'),
  ...readdirSync(join(repository, 'plugins')).flatMap((plugin) => filesIn(`plugins/${plugin}/src`)),
].filter((file) => /\.[jt]s$/.test(file));
const pages = [
  ...['docs', 'core', 'cli', '.'].flatMap((folder) =>
    readdirSync(join(repository, folder)).map((name) => join(folder, name)),
  ),
  ...readdirSync(join(repository, 'plugins')).map((plugin) => `plugins/${plugin}/README.md`),
].filter((file) => file.endsWith('.md') && file !== 'CHANGELOG.md');

describe('the public faces of core', () => {
  for (const [face, file] of Object.entries(FACES)) {
    it(`export from '${face}' only what a plugin, the command, an example or a page uses`, () => {
      const exported = exportsOf(read(file));
      assert.ok(exported.length > 5, `only ${exported.join(', ')} was found`);
      const used = new Set([
        ...[...sources, ...pages].flatMap((user) => importsFrom(face, read(user))),
        ...pages.flatMap((page) => mentionsIn(read(page))),
      ]);
      assert.deepEqual(
        exported.filter((name) => !used.has(name)),
        [],
      );
    });
  }
});

function filesIn(folder: string): readonly string[] {
  return readdirSync(join(repository, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name));
}

function read(file: string): string {
  return readFileSync(join(repository, file), 'utf8');
}

function exportsOf(text: string): readonly string[] {
  return [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, names = '']) => listed(names));
}

function importsFrom(face: string, text: string): readonly string[] {
  const imports = [
    ...text.matchAll(/^import (?:type )?\{([^}]*)\} from '([^']+)';$/gm),
    ...text.matchAll(/const \{([^}]*)\} = await import\('([^']+)'\)/g),
  ].filter(([, , from]) => from === face);
  const augmented = [...text.matchAll(/declare module '([^']+)' \{(.*?)\n\}/gs)].filter(([, from]) => from === face);
  return [
    ...(text.includes(`await import('${face}')`) || text.includes(`import('${face}'),`)
      ? [...text.matchAll(/\.([A-Za-z]\w+)/g)].map(([, name = '']) => name)
      : []),
    ...imports.flatMap(([, names = '']) => listed(names)),
    ...augmented.flatMap(([, , body = '']) => [...body.matchAll(/interface (\w+)/g)].map(([, name = '']) => name)),
  ];
}

/** `type Clock`, `Jitsu as J` */
function listed(names: string): readonly string[] {
  return names
    .split(',')
    .map((name) =>
      name
        .trim()
        .replace(/^type /, '')
        .replace(/ as .*/, ''),
    )
    .filter((name) => name !== '');
}

/** What stands in a page as `` `Name` ``, perhaps with more behind it. */
function mentionsIn(text: string): readonly string[] {
  return [...text.matchAll(/`([A-Za-z_]\w+)(?:<[^`]*>|\([^`]*\)|\.[^`]*)?`/g)].map(([, name = '']) => name);
}
