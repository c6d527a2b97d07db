import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Manifest {
  readonly name: string;
  readonly description?: string;
  readonly keywords?: readonly string[];
  readonly jitsu?: object;
  readonly [field: string]: unknown;
}

const repository = fileURLToPath(new URL('../../', import.meta.url));
const manifestOf = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(repository, folder, 'package.json'), 'utf8')) as Manifest;

/** What the package.json of the repository says for all packages. A project without a public address has none of the last three. */
const COMMON = ['license', 'type', 'engines', 'repository', 'homepage', 'bugs'];

describe('the packages', () => {
  const root = manifestOf('.');
  const folders = ['core', 'cli', ...readdirSync(join(repository, 'plugins')).map((name) => `plugins/${name}`)];

  for (const folder of folders) {
    const manifest = manifestOf(folder);

    it(`${manifest.name} has the fields that npm shows, and those of the repository`, () => {
      assert.match(manifest.description ?? '', /^[A-Z].{20,119}[^.]$/, 'a sentence without a full stop expected');
      const keywords = manifest.keywords ?? [];
      assert.ok(keywords.length >= 3, 'three keywords or more expected');
      assert.equal(new Set(keywords).size, keywords.length, 'a keyword stands there twice');
      assert.equal(
        keywords.includes('jitsu-plugin'),
        manifest.jitsu !== undefined,
        'plugins are found by jitsu-plugin',
      );
      for (const field of COMMON) assert.deepEqual(manifest[field], root[field], field);
    });
  }
});
