/**
 * Packs every package as for publishing, checks what is in it, installs all of them into an empty folder somewhere else
 * and uses them there as a user would: starts Jitsu, asks for a name, talks to the service behind it, stops. A plugin
 * that is no part of this repository is packed and used along with them.
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { bundleAll } from './bundle.mjs';
import { pack, shapeProblems } from './packed-package.mjs';
import { removeStaleOutput } from './remove-stale-output.mjs';

const PATIENCE = 20_000;
const THIRD_PARTY = 'test/support/third-party';

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
const control = join(scratch, 'control.sock');
const pidFile = join(scratch, 'server.pid');
let jitsu;
try {
  const packages = await packAll();
  install(packages);
  await importEveryEntry(packages);
  await summonByName();
  console.log('The packed packages work.');
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await stopJitsu();
  killServer();
  rmSync(scratch, { recursive: true, force: true });
}

async function packAll() {
  removeStaleOutput();
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-b'], { stdio: 'inherit' });
  const foldersIn = (folder) => (existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : []);
  const own = (await bundleAll()).map((folder) => pack(folder, scratch));
  const problems = own.flatMap(shapeProblems);
  if (problems.length > 0) throw new Error(problems.join('\n'));
  const packages = [...own, ...foldersIn(THIRD_PARTY).map((folder) => pack(folder, scratch))];
  console.log(`Packed ${packages.map(({ name, manifest }) => `${name} ${manifest.version}`).join(', ')}`);
  return packages;
}

function install(packages) {
  mkdirSync(home);
  writeFileSync(join(home, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  const tarballs = packages.map(({ tarball }) => tarball);
  execFileSync('npm', ['install', '--silent', '--no-audit', '--no-fund', ...tarballs], { cwd: home, stdio: 'inherit' });
  for (const { name } of packages) {
    if (existsSync(join(home, 'node_modules', name, 'node_modules/@jitsud')))
      throw new Error(`${name} brought a second copy of a package of ours`);
  }
  console.log('Installed them into an empty folder');
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

function entriesOf(exports = {}) {
  return typeof exports === 'string' ? ['.'] : Object.keys(exports).filter((key) => !key.endsWith('.json'));
}

async function summonByName() {
  writeFileSync(join(home, 'server.mjs'), SERVER);
  writeFileSync(join(home, 'jitsu.config.json'), JSON.stringify(configuration(), null, 2));
  await startJitsu();

  const answer = npx('jitsu', 'resolve', 'packed.jitsu.test', '--json');
  if (!answer.includes('127.0.0.85')) throw new Error(`jitsu resolve did not print the address:\n${answer}`);
  const body = await (await fetch('http://127.0.0.85:18085/')).text();
  if (!/^summoned, pid \d+$/.test(body)) throw new Error(`The summoned server said: ${body}`);
  console.log(`Asked for packed.jitsu.test, and it is there: ${body}`);

  for (const name of thirdPartyUnikernels().map(({ dns }) => dns)) {
    npx('jitsu', 'resolve', name);
    console.log(`Asked for ${name}, which a plugin from elsewhere summons`);
  }

  const status = JSON.parse(npx('jitsu', 'status', '--json', '--control', control));
  const phases = status.unikernels.map(({ name, phase }) => `${name} ${phase}`);
  if (phases.some((phase) => !phase.endsWith(' ready'))) throw new Error(`Not all are ready: ${phases.join(', ')}`);
  console.log(npx('jitsu', 'status', '--control', control));

  await stopJitsu();
  const pid = Number(body.split(' ').at(-1));
  if (isAlive(pid)) throw new Error(`Process ${pid} outlived Jitsu, although stop.onExit is 'stop'`);
  console.log('Stopped Jitsu, and with it what it had summoned');
}

function configuration() {
  return {
    dns: { bind: '127.0.0.1', port: 0, forwarders: 'off' },
    control: { socket: control },
    runtimeDirectory: join(scratch, 'run'),
    stop: { onExit: 'stop' },
    unikernels: [
      {
        name: 'packed',
        dns: 'packed.jitsu.test',
        ip: '127.0.0.85',
        backend: 'process',
        ready: 'tcp:18085',
        command: [process.execPath, join(home, 'server.mjs'), pidFile],
      },
      ...thirdPartyUnikernels(),
    ],
  };
}

/** Each third-party plugin says in its package.json, under `jitsu.example`, what unikernel of its to try. */
function thirdPartyUnikernels() {
  if (!existsSync(THIRD_PARTY)) return [];
  return readdirSync(THIRD_PARTY).flatMap((folder) => {
    const { jitsu: { example } = {} } = JSON.parse(readFileSync(join(THIRD_PARTY, folder, 'package.json'), 'utf8'));
    return example === undefined ? [] : [example];
  });
}

/** Starts it and waits until its control socket answers. */
async function startJitsu() {
  let output = '';
  jitsu = spawn(join(home, 'node_modules/.bin/jitsu'), ['start'], { cwd: home, stdio: ['ignore', 'pipe', 'pipe'] });
  jitsu.stdout.on('data', (chunk) => (output += chunk));
  jitsu.stderr.on('data', (chunk) => (output += chunk));
  jitsu.ended = new Promise((resolve) => jitsu.once('close', (status, signal) => resolve(status ?? signal)));
  const deadline = Date.now() + PATIENCE;
  while (!existsSync(control)) {
    if (jitsu.exitCode !== null || Date.now() > deadline) throw new Error(`jitsu start did not come up:\n${output}`);
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
  return execFileSync('npx', ['--no', ...words], { cwd: home, encoding: 'utf8', timeout: PATIENCE });
}

function isAlive(pid) {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
