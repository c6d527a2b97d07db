/**
 * Packs every package as for publishing, checks what is in it, installs all of them into an empty folder somewhere else
 * and uses them there as a user would: starts Jitsu, asks for a name, talks to the service behind it, stops. The
 * plugins of the pages on writing plugins are compiled against the packed packages, tested, packed and used along with
 * them: their files are the code blocks of those pages.
 */
import { execFileSync, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { writeBillOfMaterials } from './bill-of-materials.mjs';
import { bundleAll } from './bundle.mjs';
import { pack, shapeProblems } from './packed-package.mjs';
import { writePagePackages } from './page-packages.mjs';
import { removeStaleOutput } from './remove-stale-output.mjs';

const PATIENCE = 20_000;

const SERVER = `
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
writeFileSync(process.argv[2], String(process.pid));
createServer((_request, response) => response.end('summoned, pid ' + process.pid)).listen(18085, '127.0.0.85');
`;

const repository = fileURLToPath(new URL('..', import.meta.url));
process.chdir(repository);

const scratch = mkdtempSync(join(tmpdir(), 'jitsu-packed-'));
const home = join(scratch, 'home');
const authors = join(scratch, 'authors');
const control = join(scratch, 'control.sock');
const pidFile = join(scratch, 'server.pid');
let jitsu;
let receiver;
try {
  const own = await packAll();
  mkdirSync(home);
  writeFileSync(join(home, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  install(own);
  const others = packOthers();
  install(others);
  await importEveryEntry([...own, ...others]);
  showDescriptions();
  await summonByName();
  checkBill();
  await bringWhatIsMissing();
  console.log('The packed packages work.');
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await stopJitsu();
  killServer();
  receiver?.closeAllConnections();
  receiver?.close();
  rmSync(scratch, { recursive: true, force: true });
}

async function packAll() {
  removeStaleOutput();
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-b'], { stdio: 'inherit' });
  const own = (await bundleAll()).map((folder) => pack(folder, scratch));
  const problems = own.flatMap(shapeProblems);
  if (problems.length > 0) throw new Error(problems.join('\n'));
  console.log(`Packed ${versionsOf(own)}`);
  return own;
}

/** Does with the packages of the pages what their readers would do: builds, tests and packs them. */
function packOthers() {
  const names = writePagePackages(repository, authors);
  linkTools();
  for (const folder of names.map((name) => join(authors, name))) {
    if (existsSync(join(folder, 'tsconfig.json'))) run(folder, 'typescript/bin/tsc');
    const tests = existsSync(join(folder, 'dist')) ? 'dist/*.test.js' : '*.test.js';
    run(folder, 'mocha/bin/mocha.js', '--no-config', '--reporter', 'dot', tests);
    console.log(`Built and tested ${basename(folder)}, as its page shows it`);
  }
  const packages = names.map((name) => pack(join(authors, name), scratch));
  console.log(`Packed ${versionsOf(packages)}`);
  return packages;
}

/** What an author has installed: the packed packages, and the tools of this repository. */
function linkTools() {
  const modules = join(authors, 'node_modules');
  mkdirSync(join(modules, '@types'), { recursive: true });
  symlinkSync(join(home, 'node_modules/@jitsud'), join(modules, '@jitsud'));
  for (const tool of ['@types/node', 'mocha', 'typescript'])
    symlinkSync(join(repository, 'node_modules', tool), join(modules, tool));
}

function run(folder, tool, ...words) {
  execFileSync(process.execPath, [join(authors, 'node_modules', tool), ...words], { cwd: folder, stdio: 'inherit' });
}

function foldersIn(folder) {
  return existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
}

function versionsOf(packages) {
  return packages.map(({ name, manifest }) => `${name} ${manifest.version}`).join(', ');
}

function install(packages) {
  const tarballs = packages.map(({ tarball }) => tarball);
  // None of what has an install script may need it.
  const words = ['install', '--silent', '--no-audit', '--no-fund', '--ignore-scripts', ...tarballs];
  execFileSync('npm', words, { cwd: home, stdio: 'inherit' });
  for (const { name } of packages) {
    if (existsSync(join(home, 'node_modules', name, 'node_modules/@jitsud')))
      throw new Error(`${name} brought a second copy of a package of ours`);
  }
  console.log('Installed them');
}

async function importEveryEntry(packages) {
  for (const { name, manifest } of packages) {
    for (const entry of entriesOf(manifest.exports)) {
      const specifier = join(name, entry);
      execFileSync(process.execPath, ['--input-type=module', '--eval', `await import(${JSON.stringify(specifier)})`], {
        cwd: home,
      });
      console.log(`Imported ${specifier}`);
    }
  }
}

/** Checks that an editor shows the description of a key in a configuration: those of core, within groups, of a plugin. */
function showDescriptions() {
  const file = join(home, 'editor.config.ts');
  const config =
    "{ dns: { cache: { size: 3 } }, unikernels: [{ dns: 'a.test', ip: '::1', backend: 'process', command: 'x', ttl: 5 }] }";
  writeFileSync(
    file,
    `import { defineConfig } from '@jitsud/core';\nimport type {} from '@jitsud/plugin-process';\nexport default defineConfig(${config});\n`,
  );
  const { NodeNext: module } = ts.ModuleKind;
  const service = ts.createLanguageService({
    ...ts.sys,
    useCaseSensitiveFileNames: () => ts.sys.useCaseSensitiveFileNames,
    getCurrentDirectory: () => home,
    getScriptFileNames: () => [file],
    getScriptVersion: () => '1',
    getScriptSnapshot: (path) => ts.sys.fileExists(path) && ts.ScriptSnapshot.fromString(readFileSync(path, 'utf8')),
    getCompilationSettings: () => ({ module, strict: true, skipLibCheck: true, types: [] }),
    getDefaultLibFileName: ts.getDefaultLibFilePath,
  });
  const text = readFileSync(file, 'utf8');
  for (const [key, expected] of Object.entries({
    dns: 'The DNS server',
    size: 'How much room',
    unikernels: 'What is summoned',
    command: 'Program and its arguments',
    ttl: 'Overrides dns.ttl',
  })) {
    const { documentation } = service.getQuickInfoAtPosition(file, text.indexOf(` ${key}:`) + 1) ?? {};
    const shown = ts.displayPartsToString(documentation ?? []);
    if (!shown.startsWith(expected)) throw new Error(`an editor shows '${shown}' for the key ${key}`);
  }
  rmSync(file);
  console.log('Keys are described in editors');
}

function entriesOf(exports = {}) {
  return typeof exports === 'string' ? ['.'] : Object.keys(exports).filter((key) => !key.endsWith('.json'));
}

async function summonByName() {
  writeFileSync(join(home, 'server.mjs'), SERVER);
  mkdirSync(join(home, 'up'));
  const told = await receiveEvents();
  writeFileSync(join(home, 'jitsu.config.json'), JSON.stringify(configuration(), null, 2));
  await startJitsu();

  const help = npx('jitsu', '--help=plain');
  for (const part of ['PROCESS CONFIGURATION', 'LIBXL CONFIGURATION', 'command (required)', 'synjitsu-listen']) {
    if (!help.includes(part)) throw new Error(`jitsu --help does not show ${part}:\n${help}`);
  }

  const answer = npx('jitsu', 'resolve', 'packed.jitsu.test', '--json');
  if (!answer.includes('127.0.0.85')) throw new Error(`jitsu resolve did not print the address:\n${answer}`);
  const body = await (await fetch('http://127.0.0.85:18085/')).text();
  if (!/^summoned, pid \d+$/.test(body)) throw new Error(`The summoned server said: ${body}`);
  console.log(`Asked for packed.jitsu.test, and it is there: ${body}`);

  for (const { dns } of configuration().unikernels.slice(1)) {
    npx('jitsu', 'resolve', dns);
    console.log(`Asked for ${dns}, which takes a plugin from elsewhere`);
  }
  for (const [name, address] of Object.entries(configuration().resolvers.hosts.names)) {
    const host = npx('jitsu', 'resolve', name);
    if (!host.includes(address)) throw new Error(`The resolver of a plugin did not answer ${name}:\n${host}`);
    console.log(`Asked for ${name}, and a plugin's resolver answers ${address}`);
  }

  const status = JSON.parse(npx('jitsu', 'status', '--json', '--control', control));
  const phases = status.unikernels.map(({ name, phase }) => `${name} ${phase}`);
  if (phases.some((phase) => !phase.endsWith(' ready'))) throw new Error(`Not all are ready: ${phases.join(', ')}`);
  console.log(npx('jitsu', 'status', '--control', control));

  await stopJitsu();
  for (const { name } of configuration().unikernels) {
    if (!told.some(({ kind, unikernel }) => kind === 'ready' && unikernel === name))
      throw new Error(`The notifier of a plugin did not tell that ${name} is ready: ${JSON.stringify(told)}`);
  }
  const kept = JSON.parse(readFileSync(join(home, configuration().state.path), 'utf8'));
  if (kept.registrations.packed === undefined)
    throw new Error(`A plugin's store kept ${Object.keys(kept.registrations)}`);
  console.log(`A plugin's notifier told ${told.length} events, and a plugin's store kept ${kept.history.length}`);
  const pid = Number(body.split(' ').at(-1));
  if (isAlive(pid)) throw new Error(`Process ${pid} outlived Jitsu, although stop.onExit is 'stop'`);
  console.log('Stopped Jitsu, and with it what it had summoned');
}

/**
 * Checks that the packages with native code work without their install scripts, and that where one lacks its binary,
 * the error names the command that brings it.
 */
async function bringWhatIsMissing() {
  if (process.platform !== 'linux') return;
  await startNatively();
  for (const scope of ['@koromix', '@libsql']) {
    rmSync(join(home, 'node_modules', scope), { recursive: true });
    const said = await startNatively().then(
      () => '',
      (error) => error.message,
    );
    const command = /npm install --no-save --prefix \S+( @\S+@\d[^\s.]*(\.\d+)+)+/.exec(said)?.[0];
    if (command === undefined) throw new Error(`Without ${scope}, no command was named that brings it:\n${said}`);
    execFileSync('sh', ['-c', `${command} --silent --no-audit --no-fund --ignore-scripts`], { stdio: 'inherit' });
    await startNatively();
    console.log(`What is missing comes by: ${command}`);
  }
}

/** Starts and stops a Jitsu that needs its native code. */
async function startNatively() {
  const config = {
    dns: { bind: '127.0.0.1', port: 0, forwarders: 'off', transport: 'mmsg' },
    control: { socket: control },
    runtimeDirectory: join(scratch, 'run'),
    state: { path: join(scratch, 'store'), required: true },
  };
  const file = join(home, 'native.config.json');
  writeFileSync(file, JSON.stringify(config));
  await startJitsu('--config', file);
  await stopJitsu();
}

/** Checks that the bill of materials has all that was installed, and all that is part of the packages' own files. */
function checkBill() {
  const { components } = JSON.parse(readFileSync(writeBillOfMaterials(), 'utf8'));
  const listed = new Set(components.map(({ purl }) => decodeURIComponent(purl).replace(/^pkg:npm\/(.+)@.*$/, '$1')));
  const lock = JSON.parse(readFileSync(join(home, 'node_modules/.package-lock.json'), 'utf8'));
  const installed = Object.keys(lock.packages).map((path) => path.replace(/^.*node_modules\//, ''));
  const scope = join(home, 'node_modules/@jitsud');
  const included = readdirSync(scope).flatMap((name) => {
    const text = readFileSync(join(scope, name, 'dist/THIRD-PARTY-LICENSES.txt'), 'utf8');
    return Array.from(text.matchAll(/^(\S+) \d+\.\d+\.\d+\S* \(.*\)$/gm), ([, included]) => included);
  });
  const others = new Set(foldersIn(authors).map((folder) => basename(folder)));
  const missing = [...installed, ...included].filter((name) => !listed.has(name) && !others.has(name));
  if (missing.length > 0) throw new Error(`The bill of materials lacks ${missing.join(', ')}`);
  console.log(`The bill of materials has ${components.length} packages`);
}

/** What is tried here, and what the pages show. */
function configuration() {
  const packed = {
    name: 'packed',
    dns: 'packed.jitsu.test',
    ip: '127.0.0.85',
    backend: 'process',
    ready: 'tcp:18085',
    command: [process.execPath, join(home, 'server.mjs'), pidFile],
  };
  const shown = foldersIn(authors)
    .map((folder) => join(folder, 'example/jitsu.config.json'))
    .filter((file) => existsSync(file))
    .map((file) => JSON.parse(readFileSync(file, 'utf8')));
  return {
    ...Object.assign({}, ...shown),
    // By its name, since it is installed here; the pages name plugins by their paths.
    plugins: ['office'],
    dns: { bind: '127.0.0.1', port: 0, forwarders: 'off' },
    control: { socket: control },
    runtimeDirectory: join(scratch, 'run'),
    stop: { ...Object.assign({}, ...shown.map(({ stop }) => stop)), onExit: 'stop' },
    unikernels: [packed, ...shown.flatMap(({ unikernels }) => unikernels)],
  };
}

/** The server behind the URL of the webhook that a page configures. */
async function receiveEvents() {
  const told = [];
  receiver = createServer(async (request, response) => {
    told.push(JSON.parse(await text(request)));
    response.end();
  });
  const { hostname, port } = new URL(configuration().notifiers.webhook.url);
  await new Promise((resolve, reject) => receiver.once('error', reject).listen(port, hostname, resolve));
  return told;
}

/** Starts it and waits until it answers. */
async function startJitsu(...words) {
  let output = '';
  jitsu = spawn(join(home, 'node_modules/.bin/jitsu'), ['start', ...words], {
    cwd: home,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  jitsu.stdout.on('data', (chunk) => (output += chunk));
  jitsu.stderr.on('data', (chunk) => (output += chunk));
  jitsu.ended = new Promise((resolve) => jitsu.once('close', (status, signal) => resolve(status ?? signal)));
  const deadline = Date.now() + PATIENCE;
  while (!output.includes('answering DNS on')) {
    if (jitsu.exitCode !== null) jitsu = undefined;
    if (jitsu === undefined || Date.now() > deadline) throw new Error(`jitsu start did not come up:\n${output}`);
    await sleep(50);
  }
}

async function stopJitsu() {
  if (jitsu === undefined) return;
  const child = jitsu;
  jitsu = undefined;
  child.kill('SIGTERM');
  const status = await Promise.race([child.ended, sleep(PATIENCE, 'nothing', { ref: false })]);
  if (status === 0) return;
  child.kill('SIGKILL');
  console.error(`jitsu start was to end with status 0 on SIGTERM; it ended with ${status}`);
  process.exitCode = 1;
}

/** For the case that something went wrong before Jitsu could. */
function killServer() {
  if (!existsSync(pidFile)) return;
  const pid = Number(readFileSync(pidFile, 'utf8'));
  if (isAlive(pid)) process.kill(pid, 'SIGKILL');
}

function npx(...words) {
  return execFileSync('npx', ['--no', '--', ...words], { cwd: home, encoding: 'utf8', timeout: PATIENCE });
}

function isAlive(pid) {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
