#!/usr/bin/env node
// Writes docs/reference/ from the schemas of the core and of every plugin in plugins/, as they are built.
// Writes core/known-plugins.json from the package.json files and the option keys of these plugins, too.
// With --check it writes nothing, and fails when the files say something else.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Contributions } from '#core/plugins/contributions.js';
import { describeOptions, describeUnikernelKeys, jsonSchema } from '@jitsud/core';
import { configSchema } from '#core/config/config.js';

const ROOT = new URL('../', import.meta.url);

/** The package.json of every plugin in plugins/. */
async function pluginPackages() {
  const folders = (await readdir(new URL('plugins/', ROOT))).sort();
  const packages = await Promise.all(
    folders.map(async (folder) => JSON.parse(await readFile(new URL(`plugins/${folder}/package.json`, ROOT), 'utf8'))),
  );
  return packages.filter(({ keywords }) => keywords?.includes('jitsu-plugin'));
}

function knownPlugins(packages, { backends }) {
  const [usual] = packages.filter(({ jitsu }) => jitsu.default);
  const plugins = packages.map(({ name, jitsu }) => ({
    name: name.replace(/^@jitsud\/plugin-/, ''),
    manifest: Object.fromEntries(Object.entries(jitsu).filter(([key]) => key !== 'default')),
    ...(jitsu.backends !== undefined && {
      backends: Object.fromEntries(jitsu.backends.map((backend) => [backend, backends.get(backend).description])),
      optionKeys: jitsu.backends.flatMap((backend) => Object.keys(backends.get(backend).unikernel.shape)),
    }),
  }));
  return { defaultBackend: usual.jitsu.backends[0], plugins };
}

async function contributions(packages) {
  const all = new Contributions();
  const { builtins } = await import('#core/builtins/builtins.js');
  all.register('Jitsu itself', (registry) => builtins.register(registry));
  for (const { name } of packages) {
    const { default: plugin } = await import(name);
    all.register(name, (registry) => plugin.register(registry));
  }
  return all;
}

function table(header, rows) {
  if (rows.length === 0) return ['None.'];
  const line = (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)];
}

const code = (text) => (text === undefined || text === '' ? '' : `\`${text}\``);

function flattened(options, prefix = '') {
  return options.flatMap((option) => {
    const key = `${prefix}${option.key}`;
    const inner = option.type.startsWith('list') ? `${key}[].` : `${key}.`;
    return option.options.length === 0
      ? [{ ...option, key }]
      : [...(option.type === 'group' ? [] : [{ ...option, key }]), ...flattened(option.options, inner)];
  });
}

const settingsTable = (schema) =>
  table(
    ['Key', 'Type', 'Default', 'Meaning'],
    flattened(describeOptions(schema)).map(({ key, type, required, default: value, description }) => [
      code(key),
      type,
      required ? 'required' : code(value),
      description,
    ]),
  );

const unikernelTable = (options) =>
  table(
    ['Key', 'In words', 'Type', 'Default', 'Meaning'],
    options.map(({ key, word, type, required, default: value, description }) => [
      code(key),
      code(word),
      type,
      required && key !== 'name' ? 'required' : code(value),
      description,
    ]),
  );

const wordedTable = (contributed) =>
  table(
    ['Name', 'Meaning'],
    contributed.all().map(({ name, description }) => [code(name), description]),
  );

function reference(all) {
  const { backends, readinessProbes, stopPolicies, activitySources, doormen, notifiers, resolvers } = all;
  return [
    '# Configuration reference',
    '',
    '<!-- Written by scripts/write-reference.mjs from the schemas; changes belong there. -->',
    '',
    'How the parts fit together is told in [configuration.md](../configuration.md). A duration is a number of seconds, or text with a unit: `500ms`, `2s`, `5m`, `1h`, `1d`.',
    '',
    '## Settings',
    '',
    ...settingsTable(configSchema),
    '',
    '## Unikernels',
    '',
    'The keys of every entry of `unikernels`, whatever its backend.',
    '',
    ...unikernelTable(describeUnikernelKeys(all)),
    '',
    '## Readiness probes',
    '',
    ...wordedTable(readinessProbes),
    '',
    '## Stop policies',
    '',
    ...wordedTable(stopPolicies),
    '',
    ...backends
      .all()
      .flatMap(({ name, description, unikernel, connection }) => [
        `## Backend \`${name}\``,
        '',
        `${description.replace(/\.?$/, '.')} Plugin: \`${backends.ownerOf(name)}\`. The further keys of a unikernel with \`backend: '${name}'\`:`,
        '',
        ...unikernelTable(describeOptions(unikernel)),
        '',
        ...(connection === undefined
          ? []
          : [`The settings of a connection, under \`backends\`:`, '', ...settingsTable(connection), '']),
      ]),
    ...Object.entries({ activitySources, doormen, notifiers, resolvers }).flatMap(([key, contributed]) =>
      contributed
        .all()
        .flatMap(({ name, description, options }) => [
          `## ${contributed.kind.replace(/^./, (letter) => letter.toUpperCase())} \`${name}\``,
          '',
          `${description.replace(/\.?$/, '.')} Plugin: \`${contributed.ownerOf(name)}\`. Its settings, under \`${key}.${name}\`:`,
          '',
          ...settingsTable(options),
          '',
        ]),
    ),
  ].join('\n');
}

const packages = await pluginPackages();
const inJson = (value) => `${JSON.stringify(value, null, 2)}\n`;
const all = await contributions(packages);
// First, since the schemas read it.
await put('core/known-plugins.json', inJson(knownPlugins(packages, all)));
await put('docs/reference/configuration.md', reference(all));
await put('docs/reference/jitsu.schema.json', inJson(jsonSchema(all)));

async function put(name, content) {
  const url = new URL(name, ROOT);
  if (process.argv.includes('--check')) {
    const written = await readFile(url, 'utf8').catch(() => '');
    if (written === content) return;
    console.error(`${name} is out of date. Write it anew: node scripts/write-reference.mjs`);
    process.exitCode = 1;
  } else {
    await mkdir(new URL('.', url), { recursive: true });
    await writeFile(url, content);
    console.log(`Wrote ${fileURLToPath(url)}`);
  }
}
