import { spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What is built is copied, so that faults can be put into it; all else is linked. */
const COPIED = new Set(['dist']);
/** Folders that hold packages of ours, and are gone through. */
const ENTERED = /^(?:core|cli|test|plugins(?:\/[^/]+)?)$/;
const LEFT_OUT = new Set(['.git', 'coverage']);

/** A built copy of the repository, in which suites run by themselves; disposed, it is gone. */
export class Sandbox {
  /** @param {string} repository */
  constructor(repository) {
    // Short, since sockets of tests lie below it: a path of theirs may have 107 bytes.
    this.root = mkdtempSync(join(tmpdir(), 'jm-'));
    // Suites run programs of ours as other users, too.
    chmodSync(this.root, 0o755);
    this.temporary = join(this.root, 't');
    copy(repository, this.root, '');
  }

  /** Where a file of the repository lies in here. */
  at(file) {
    return join(this.root, file);
  }

  /**
   * Runs suites to their end or to the first failure. Resolves with `passed`, `failed` or `timeout`. As root on Linux they
   * have process ids of their own, so that nothing that they started is left, whatever was done to them.
   *
   * @param {readonly string[]} suites built files
   * @param {number} limit in milliseconds
   * @param {Record<string, string>} [environment]
   */
  async run(suites, limit, environment = {}) {
    rmSync(this.temporary, { recursive: true, force: true });
    mkdirSync(this.temporary);
    const mocha = [
      this.at('node_modules/mocha/bin/mocha.js'),
      '--no-parallel',
      '--bail',
      '--exit',
      '--reporter',
      'dot',
    ];
    const words = [...ALONE, process.execPath, ...mocha, '--no-color', ...suites];
    const child = spawn(words[0], words.slice(1), {
      cwd: this.root,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...environment, TMPDIR: this.temporary },
    });
    this.output = '';
    const listen = (chunk) => (this.output = (this.output + chunk).slice(-20_000));
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    let isLate = false;
    const deadline = setTimeout(() => {
      isLate = true;
      killGroup(child.pid);
    }, limit);
    const status = await new Promise((resolve) => child.once('exit', resolve));
    clearTimeout(deadline);
    killGroup(child.pid);
    // Whoever inherited them may hold them open.
    child.stdout.destroy();
    child.stderr.destroy();
    // Mocha ends itself by the signal that its own child has died by, which the first process of a namespace ignores. It
    // then ends with status 0, without a summary.
    const hasSummary = /^ +\d+ passing/m.test(this.output);
    return isLate ? 'timeout' : status === 0 && hasSummary ? 'passed' : 'failed';
  }

  [Symbol.dispose]() {
    rmSync(this.root, { recursive: true, force: true });
  }
}

const UNSHARE = '/usr/bin/unshare';
const ALONE =
  process.platform === 'linux' && process.getuid?.() === 0 && existsSync(UNSHARE)
    ? [UNSHARE, '--pid', '--fork', '--kill-child', '--mount-proc']
    : [];

function killGroup(pid) {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // All of it has ended.
  }
}

function copy(from, to, path) {
  for (const name of readdirSync(join(from, path))) {
    const below = join(path, name);
    const [source, target] = [join(from, below), join(to, below)];
    if (LEFT_OUT.has(name)) continue;
    if (below === 'node_modules') linkPackages(source, target);
    else if (COPIED.has(name)) cpSync(source, target, { recursive: true, verbatimSymlinks: true });
    else if (ENTERED.test(below) && lstatSync(source).isDirectory()) {
      mkdirSync(target);
      copy(from, to, below);
    } else symlinkSync(source, target);
  }
}

/** Our own packages are linked to relatively, and so are found in the copy. */
function linkPackages(from, to) {
  mkdirSync(to);
  for (const name of readdirSync(from)) {
    const [source, target] = [join(from, name), join(to, name)];
    if (name === '@jitsud') cpSync(source, target, { recursive: true, verbatimSymlinks: true });
    else symlinkSync(source, target);
  }
}
