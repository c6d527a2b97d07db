import assert from 'node:assert/strict';
import { pathToFileURL } from 'node:url';
import { nativePackageAdvice } from '#core/plugin-kit/native-package-advice.js';
import { ConfigFolder } from '../../support/config-folder.js';

const LINUX = { platform: 'linux', arch: 'x64' } as const;

describe('The advice on a package with native code', () => {
  let folder: ConfigFolder;
  let importer: string;

  beforeEach(async () => {
    folder = await ConfigFolder.make({
      'node_modules/native/index.cjs': '',
      'node_modules/native/package.json': JSON.stringify({
        main: './index.cjs',
        optionalDependencies: { '@natives/native-linux-arm64': '3.1.4', '@natives/native-linux-x64': '3.1.4' },
      }),
    });
    importer = pathToFileURL(folder.join('node_modules/jitsu/dist/index.js')).href;
  });

  afterEach(() => folder.remove());

  it('names the command that brings the binary of this platform', () => {
    assert.equal(
      nativePackageAdvice('native', importer, LINUX),
      `The package native lacks its binary, which this brings: npm install --no-save --prefix ${folder.path} @natives/native-linux-x64@3.1.4`,
    );
  });

  it('quotes a folder for a shell', async () => {
    const inside = "it's here/node_modules/native";
    await folder.write(`${inside}/index.js`, '');
    await folder.write(
      `${inside}/package.json`,
      JSON.stringify({ optionalDependencies: { '@natives/native-linux-x64': '1.0.0' } }),
    );
    const within = pathToFileURL(folder.join("it's here/node_modules/jitsu/index.js")).href;
    assert.match(nativePackageAdvice('native', within, LINUX), /--prefix '\/.*\/it'\\''s here' @natives/);
  });

  it('names the command that builds it where there is no binary', () => {
    assert.equal(
      nativePackageAdvice('native', importer, { platform: 'haiku', arch: 'x64' }),
      `The package native has no binary for haiku on x64. With a compiler, this builds it: npm rebuild --prefix ${folder.path} --ignore-scripts=false native`,
    );
  });

  it('names that command also where the binary is there and does not load', async () => {
    await folder.write('node_modules/@natives/native-linux-x64/package.json', '{}');
    assert.match(nativePackageAdvice('native', importer, LINUX), /does not load here\. .*: npm rebuild --prefix /);
  });

  it('says when the package itself is missing', () => {
    assert.equal(
      nativePackageAdvice('missing', importer, LINUX),
      'The package missing is missing. Install Jitsu anew.',
    );
  });
});
