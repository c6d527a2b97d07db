/**
 * Makes the packages as they are published, in `published/node_modules/@jitsud`, out of what the compiler has built. The
 * modules of a package, and most packages that it uses, become a few files: an import costs about a millisecond of
 * processor time for each file, and much of what the other packages hold is never used.
 *
 * What is imported dynamically stays apart. A module that is started by its URL (a worker, a process) keeps its path,
 * and so does what a module says of its own URL.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, posix, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { describeTypes } from './describe-types.mjs';

/** Packages that stay what they are: native code, or loaded only by the few who use what needs them. */
const APART = ['koffi', 'libsql', 'jiti', 'mocha', 'typescript', 'undici', 'xen-api', '@jitsud/*'];

const repository = fileURLToPath(new URL('..', import.meta.url));
const PUBLISHED = join(repository, 'published/node_modules');

/** Bundles all packages. @returns their folders */
export async function bundleAll() {
  const folders = ['core', ...readdirSync(join(repository, 'plugins')).map((name) => join('plugins', name)), 'cli'];
  rmSync(dirname(PUBLISHED), { recursive: true, force: true });
  const bundled = await Promise.all(folders.map((folder) => bundle(join(repository, folder))));
  await writeManifests(bundled);
  return bundled;
}

/** Writes beside the entry of core and of each plugin what `jitsu --help` tells of it, so that none has to be loaded for it. */
async function writeManifests(folders) {
  const core = await import(pathToFileURL(join(PUBLISHED, '@jitsud/core/dist/index.js')).href);
  const { contributions, plugins } = await core.loadRegistry({ directory: dirname(PUBLISHED) });
  const write = (folder, manifest) =>
    writeFileSync(join(folder, 'dist/manifest.json'), `${JSON.stringify(manifest)}\n`);
  const plain = (word) => word.replaceAll('_', '').toLowerCase();
  let common = core.describeUnikernelKeys(contributions);
  for (const { folder, offers, error } of plugins.filter((plugin) => folders.includes(plugin.folder))) {
    if (error !== undefined) throw new Error(error.message);
    const { jitsu } = readJson(join(folder, 'package.json'));
    const named = (kind) => offers.filter((offer) => offer.kind === kind).map(({ name }) => name);
    const backends = named('backend').map((backend) => {
      const { name, description, unikernel } = contributions.backends.get(backend);
      return { name, description, options: core.describeOptions(unikernel) };
    });
    const commands = named('command').map((command) => {
      const { name, description } = contributions.commands.get(command);
      return { name, description };
    });
    const isOwn = ({ word }) => (jitsu.unikernelKeys ?? []).some((key) => plain(key) === plain(word));
    const startFlags = Object.entries(jitsu.startFlags ?? {}).map(([name, flag]) => ({ ...flag, name }));
    write(folder, { startFlags, common: common.filter(isOwn), backends, commands });
    common = common.filter((key) => !isOwn(key));
  }
  write(join(PUBLISHED, '@jitsud/core'), { common });
}

async function bundle(folder) {
  const manifest = readJson(join(folder, 'package.json'));
  const into = join(PUBLISHED, manifest.name);
  const dist = join(folder, 'dist');
  mkdirSync(into, { recursive: true });
  for (const name of manifest.files.filter((file) => file !== 'dist' && existsSync(join(folder, file)))) {
    cpSync(join(folder, name), join(into, name), { recursive: true });
  }
  cpSync(dist, join(into, 'dist'), { recursive: true, filter: (file) => !/\.(js|map)$/.test(file) });
  await describeTypes(join(into, 'dist'), dist);
  const { metafile } = await build({
    entryPoints: entriesOf(folder, manifest),
    absWorkingDir: folder,
    outdir: join(into, 'dist'),
    outbase: dist,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    // Source text stays in memory. Names stay, too, for those who read a stack.
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    external: APART,
    // Packages of CommonJS ask for Node's own modules by `require`.
    banner: {
      js: "import { createRequire as bundledRequire } from 'node:module';const require=bundledRequire(import.meta.url);",
    },
    chunkNames: '[name]-[hash]',
    logLevel: 'warning',
    metafile: true,
    plugins: [ownUrls(dist), zodInEnglish, ...(manifest.name === '@jitsud/core' ? [] : [zodOfCore])],
  });
  const bundled = packagesIn(metafile, folder);
  writeFileSync(join(into, 'dist/THIRD-PARTY-LICENSES.txt'), licensesOf(bundled));
  writeFileSync(join(into, 'package.json'), `${JSON.stringify(published(manifest, bundled, into), undefined, 2)}\n`);
  return into;
}

/** What the package exports, its command, and what it starts by URL. */
function entriesOf(folder, { name, exports }) {
  const dist = join(folder, 'dist');
  const exported = Object.values(exports).flatMap((target) => target.default ?? []);
  const modules = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.js'));
  const started = modules.flatMap((file) =>
    Array.from(
      readFileSync(join(dist, file), 'utf8').matchAll(/new URL\('(\.\/[^']+\.js)', import\.meta\.url\)/g),
      ([, path]) => join(dist, dirname(file), path),
    ),
  );
  const command = name === '@jitsud/cli' ? [join(dist, 'main.js')] : [];
  return [...exported.map((file) => join(folder, file)), ...started, ...command];
}

/** Gives each of our modules the URL that it would have by itself, wherever it ends up. */
function ownUrls(dist) {
  return {
    name: 'own-urls',
    setup({ onLoad }) {
      onLoad({ filter: /\.js$/ }, ({ path }) => {
        const place = relative(dist, path);
        if (place.startsWith('..')) return undefined;
        const text = readFileSync(path, 'utf8');
        const url = `new URL('./${posix.normalize(place)}', import.meta.url).href`;
        return { contents: text.replaceAll('import.meta.url', url), loader: 'js' };
      });
    },
  };
}

/** Leaves zod's messages in fifty other languages out, which nobody asks for. */
const zodInEnglish = {
  name: 'zod-in-english',
  setup({ onLoad }) {
    onLoad({ filter: /zod\/v4\/locales\/index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js';",
    }));
  },
};

/** One zod for all: a second one would cost a plugin more to load than the plugin itself. */
const zodOfCore = {
  name: 'zod-of-core',
  setup({ onResolve }) {
    onResolve({ filter: /^zod$/ }, () => ({ path: '@jitsud/core/plugin', external: true }));
  },
};

/** The folders of the packages that have become part of this one, by their names. */
function packagesIn({ inputs }, folder) {
  const folders = Object.keys(inputs).flatMap((path) => {
    const [, place, name] = /^(.*node_modules\/)((?:@[^/]+\/)?[^/]+)\//.exec(path) ?? [];
    return name === undefined ? [] : [[name, resolve(folder, place, name)]];
  });
  return new Map(folders.sort(([a], [b]) => a.localeCompare(b)));
}

/** What is part of this package is no dependency any more, unless its types are needed. */
function published(manifest, bundled, into) {
  const declarations = readdirSync(join(into, 'dist'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.d.ts'))
    .map((file) => readFileSync(join(into, 'dist', file), 'utf8'));
  const isNeeded = (name) =>
    !bundled.has(name) ||
    declarations.some((text) => text.includes(`from '${name}'`) || text.includes(`import("${name}")`));
  const dependencies = Object.entries(manifest.dependencies ?? {}).filter(([name]) => isNeeded(name));
  return { ...manifest, dependencies: Object.fromEntries(dependencies), publishConfig: { access: 'public' } };
}

function licensesOf(bundled) {
  const texts = Array.from(bundled, ([name, folder]) => {
    const { version, license } = readJson(join(folder, 'package.json'));
    const file = readdirSync(folder).find((candidate) => /^licen[cs]e/i.test(candidate));
    const text = file === undefined ? '' : `\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
    return `${name} ${version} (${license})\n${text}`;
  });
  return `These packages are part of the files in this folder.\n\n${texts.join('\n---\n\n')}`;
}

function readJson(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}

if (import.meta.filename === process.argv[1]) {
  const began = performance.now();
  const packages = await bundleAll();
  console.log(`Bundled ${packages.length} packages in ${((performance.now() - began) / 1_000).toFixed(1)} s`);
}
