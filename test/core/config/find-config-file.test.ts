import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { findConfigFile } from '#core/config/find-config-file.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

describe('the configuration of a folder', () => {
  it('is the first of its possible names that holds anything, and is not run', () => {
    using folder = new TemporaryFolder();
    assert.equal(findConfigFile(folder.path), undefined);
    writeFileSync(folder.in('package.json'), '{ "jitsu": { "unikernels": [] } }');
    assert.equal(findConfigFile(folder.path), folder.in('package.json'));
    writeFileSync(folder.in('jitsu.config.yaml'), 'unikernels: []');
    assert.equal(findConfigFile(folder.path), folder.in('jitsu.config.yaml'));
    writeFileSync(folder.in('jitsu.config.ts'), 'throw new Error("It was run.")');
    assert.equal(findConfigFile(folder.path), folder.in('jitsu.config.ts'));
    writeFileSync(folder.in('jitsu.config.ts'), '\n');
    assert.equal(findConfigFile(folder.path), folder.in('jitsu.config.yaml'));
  });

  it('is not a package.json without the key, with that of a plugin, or that cannot be read', () => {
    using folder = new TemporaryFolder();
    for (const text of ['{}', '{ "jitsu": { "api": "^1.0.0" } }', '{ "jitsu"']) {
      writeFileSync(folder.in('package.json'), text);
      assert.equal(findConfigFile(folder.path), undefined);
    }
    rmSync(folder.in('package.json'));
  });
});
