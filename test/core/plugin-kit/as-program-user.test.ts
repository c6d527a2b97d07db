import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Launch } from '#core/contracts/spawner.js';
import { readVariablesFile, splitVariables } from '#core/plugin-kit/as-program-user.js';
import { MessageStream } from '#core/plugin-kit/message-stream.js';
import { eventually } from '#core/testing/eventually.js';
import { requireRoot } from '../../support/require-tool.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

const PROGRAM = fileURLToPath(import.meta.resolve('#core/plugin-kit/spawner-program.js'));
const USER = { uid: 4_000_002, gid: 4_000_002 };

describe('what a program’s user could have root do when the program starts', () => {
  let folder: TemporaryFolder;
  let home: string;
  let spawner: ChildProcess;
  let stream: MessageStream;
  let failure: { readonly code?: string } | undefined;

  beforeEach(function () {
    requireRoot(this);
    folder = new TemporaryFolder();
    chmodSync(folder.path, 0o755);
    home = folder.in('home');
    ownedFolder(home);
    failure = undefined;
    spawner = spawn(process.execPath, [PROGRAM], { stdio: ['ignore', 'ignore', 'inherit', 'pipe'] });
    stream = new MessageStream(spawner.stdio[3] as Socket, {
      message: (news) => {
        if ('failure' in (news as object)) failure = (news as { failure: { code?: string } }).failure;
      },
      end: () => undefined,
    });
  });

  afterEach(() => {
    stream?.close();
    folder?.[Symbol.dispose]();
  });

  function ownedFolder(path: string): void {
    mkdirSync(path);
    chownSync(path, USER.uid, USER.gid);
  }

  /** Starts a script as the user. */
  function start(script: string, more: Partial<Launch> = {}): void {
    const launch = { program: '/bin/sh', argv0: 'sh', words: ['-c', script], cwd: '/', account: USER, ...more };
    stream.send({ number: 1, launch, details: {} });
  }

  const written = (): string => readFileSync(`${home}/written`, 'utf8');

  /** A folder that everybody may read, in one that only root may pass. */
  function secretFolder(): string {
    mkdirSync(folder.in('private', 'public'), { recursive: true });
    chmodSync(folder.in('private'), 0o700);
    return folder.in('private', 'public');
  }

  it('it enters its folder as the user, where others may say what that is', async () => {
    ownedFolder(`${home}/site`);
    start(`pwd >${home}/written`, { cwd: `${home}/site` });
    await eventually(() => assert.equal(written(), `${home}/site\n`));
    renameSync(`${home}/site`, `${home}/old`);
    symlinkSync(secretFolder(), `${home}/site`);
    start(`echo in >${home}/written`, { cwd: `${home}/site` });
    await eventually(() => assert.equal(failure?.code, 'EACCES'));
    assert.equal(written(), `${home}/site\n`);
  });

  it('it enters a folder as root that nobody else can replace', async () => {
    start(`pwd >${home}/written`, { cwd: secretFolder() });
    await eventually(() => assert.equal(written(), `${folder.in('private', 'public')}\n`));
  });

  it('its variables are read as root where nobody else could have written them, and as the user otherwise', async () => {
    writeFileSync(folder.in('secrets'), 'PASSWORD=secret\n', { mode: 0o600 });
    start(`echo $PASSWORD >${home}/written`, { environmentFile: folder.in('secrets') });
    await eventually(() => assert.equal(written(), 'secret\n'));
    symlinkSync(folder.in('secrets'), `${home}/variables`);
    start(`echo no >${home}/written`, { environmentFile: `${home}/variables` });
    await eventually(() => assert.equal(failure?.code, 'EACCES'));
    assert.equal(written(), 'secret\n');
  });

  it('nothing but a file of moderate length is read for variables', async () => {
    execFileSync('mkfifo', ['-m', '644', `${home}/pipe`]);
    symlinkSync('/dev/zero', `${home}/zero`);
    for (const name of ['pipe', 'zero']) {
      failure = undefined;
      start('', { environmentFile: `${home}/${name}` });
      await eventually(() => assert.equal(failure?.code, 'EINVAL'));
    }
    writeFileSync(`${home}/long`, Buffer.alloc(1_024 * 1_024 + 1));
    assert.throws(() => readVariablesFile(`${home}/long`, {}), { code: 'EINVAL' });
  });

  it('its variables have nothing loaded while it is root still', async () => {
    writeFileSync(`${home}/variables`, `LD_LIBRARY_PATH=${home}/lib\nLANGUAGE=../x\nNAME=value\n`);
    const script = `tr '\\0' '\\n' </proc/$$/environ | sort >${home}/written`;
    start(script, { environmentFile: `${home}/variables`, groups: [4_000_003], files: 64 });
    const wanted = new RegExp(`^LANGUAGE=../x\nLD_LIBRARY_PATH=${home}/lib\nNAME=value\n`);
    await eventually(() => assert.match(written(), wanted));
    assert.deepEqual(splitVariables({ LD_PRELOAD: 'x.so', GCONV_PATH: 'y', NAME: 'value', PATH: '/bin' }), {
      harmless: { NAME: 'value', PATH: '/bin' },
      loading: ['LD_PRELOAD=x.so', 'GCONV_PATH=y'],
    });
  });

  it('what is in front of a program does not load what the program loads', async () => {
    // The dynamic linker says so on stderr for whatever it cannot preload: in tools of root, too.
    const words = ['-c', `id -u >${home}/written; exec sleep 0`];
    start('', { words, env: { LD_DEBUG: 'files', LD_DEBUG_OUTPUT: `${home}/linked` }, groups: [4_000_003] });
    await eventually(() => assert.equal(written(), `${USER.uid}\n`));
    const owners = execFileSync('sh', ['-c', `stat -c %u ${home}/linked.*`], { encoding: 'utf8' });
    assert.deepEqual(new Set(owners.trim().split('\n')), new Set([String(USER.uid)]));
  });
});
