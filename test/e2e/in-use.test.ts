import assert from 'node:assert/strict';
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { cannotRun } from '../support/cannot-run.js';
import { freePort } from '../support/free-port.js';
import { requireRoot, requireTool } from '../support/require-tool.js';
import { RunningJitsu } from '../support/running-jitsu.js';
import { TemporaryFolder } from '../support/temporary-folder.js';

const run = promisify(execFile);
const PROGRAM = fileURLToPath(new URL('../support/used-program.js', import.meta.url));

/** The shortest that there is: what is not in use is stopped after 2 s. */
const TTL = 1;
const LIFE = 30 * TTL;

/** A plain user. */
const NOBODY = 65_534;

/** A client, and what it has to say when it has been served: each asks for the name once, at first. */
interface Client {
  readonly unikernel: Record<string, unknown>;
  readonly use: (address: string) => Promise<void>;
}

const aProgram = (name: string, more: object = {}): Record<string, unknown> => {
  const unikernel = RunningJitsu.aUnikernel(name);
  const { ip } = unikernel as { ip: string };
  return { ...unikernel, habits: undefined, command: [process.execPath, PROGRAM, ip, '8080'], ...more };
};

/** Writes whatever it gets into one text. */
function textOf(socket: Socket): () => string {
  let text = '';
  socket.on('data', (bytes) => (text += bytes.toString('latin1')));
  return () => text;
}

async function download(address: string): Promise<void> {
  const request = get({ host: address, port: 8080, path: `/stream?seconds=${LIFE}`, agent: false });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  let length = 0;
  response.on('data', ({ length: more }: Buffer) => (length += more));
  await once(response, 'end');
  assert.equal(length, 10 * LIFE * 65_536);
}

async function listenToWebSocket(address: string): Promise<void> {
  const socket = connect(8080, address);
  const text = textOf(socket);
  const key = 'dGhlIHNhbXBsZSBub25jZQ==';
  const lines = ['GET / HTTP/1.1', `Host: ${address}`, 'Upgrade: websocket', 'Connection: Upgrade'];
  socket.write([...lines, `Sec-WebSocket-Key: ${key}`, 'Sec-WebSocket-Version: 13', '', ''].join('\r\n'));
  const ended = once(socket, 'close').then(() => assert.fail(`it was closed after ${text()}`));
  await Promise.race([sleep(LIFE * 1_000), ended]);
  ended.catch(() => undefined);
  assert.match(text(), /^HTTP\/1.1 101 .*\r\n\r\n(\x89\0){5,}$/s);
  socket.destroy();
}

/** A connection by which something is asked at its beginning and at its end. */
async function speakSeldom(address: string): Promise<void> {
  const socket = connect(8080, address);
  const text = textOf(socket);
  const ask = `GET /poll HTTP/1.1\r\nHost: ${address}\r\n\r\n`;
  // Not a whole request: the server would close what says nothing after one.
  socket.write(ask.slice(0, 10));
  const ended = once(socket, 'close').then(() => assert.fail(`it was closed after '${text()}'`));
  await Promise.race([sleep(LIFE * 1_000), ended]);
  socket.write(ask.slice(10));
  await Promise.race([once(socket, 'data'), ended]);
  ended.catch(() => undefined);
  assert.match(text(), /^HTTP\/1.1 200 /);
  socket.destroy();
}

describe('a unikernel whose name was asked for once', function () {
  this.timeout((LIFE + 90) * 1_000);
  let folder: TemporaryFolder;
  let jitsu: RunningJitsu;
  let chromium: string;
  let nginx: string;
  let sshd: string;
  let postgres: string;
  let clients: Readonly<Record<string, Client>>;
  let outcomes: ReadonlyMap<string, Promise<void>>;
  let madeFolder: string | undefined;

  before(async function () {
    requireRoot(this);
    chromium = requireTool(this, 'chromium');
    nginx = requireTool(this, 'nginx');
    sshd = requireTool(this, 'sshd');
    postgres = requireTool(this, 'psql') && postgresFolder(this);
    folder = new TemporaryFolder();
    chmodSync(folder.path, 0o711);
    clients = {
      'is kept by a download': { unikernel: aProgram('download'), use: download },
      'is kept by a WebSocket that only listens': { unikernel: aProgram('websocket'), use: listenToWebSocket },
      'is kept by a connection that speaks twice': { unikernel: aProgram('seldom'), use: speakSeldom },
      'is kept by a session of psql': aDatabase(),
      'is kept by ssh': aShell(),
      'serves a page that polls, in Chromium, which comes late': aPage(),
      'is reached by nginx, which knows its address for good': aProxied(),
    };
    jitsu = new RunningJitsu(
      Object.values(clients).map(({ unikernel }) => unikernel),
      { dns: { ttl: TTL }, stop: { policies: ['connections', 'traffic:2s', 'ttl'] } },
    );
    await jitsu.start();
    const uses = Object.entries(clients).map(([what, { unikernel, use }]) => {
      const used = (async (): Promise<void> => {
        const { addresses, rcode } = await jitsu.ask(`${String(unikernel['name'])}.test`);
        assert.ok(addresses[0] !== undefined, `${rcode}\n${jitsu.log}`);
        await use(addresses[0]);
        const { state, totalStarts } = await jitsu.status(String(unikernel['name']));
        if (what.startsWith('is kept')) assert.deepEqual([state, totalStarts], ['running', 1], jitsu.log);
      })();
      used.catch(() => undefined);
      return [what, used] as const;
    });
    outcomes = new Map(uses);
  });

  after(async () => {
    await Promise.allSettled([...(outcomes?.values() ?? [])]);
    await jitsu?.[Symbol.asyncDispose]();
    folder?.[Symbol.dispose]();
    if (madeFolder !== undefined) rmdirSync(madeFolder);
  });

  for (const what of [
    'is kept by a download',
    'is kept by a WebSocket that only listens',
    'is kept by a connection that speaks twice',
    'is kept by a session of psql',
    'is kept by ssh',
    'serves a page that polls, in Chromium, which comes late',
    'is reached by nginx, which knows its address for good',
  ]) {
    it(what, async () => {
      await outcomes.get(what);
    });
  }

  it('sleeps when nobody uses it any more', async () => {
    await Promise.allSettled([...outcomes.values()]);
    for (let looks = 0; ; looks += 1) {
      const { unikernels } = await jitsu.report();
      const running = unikernels.filter(({ state }) => state === 'running').map(({ name }) => name);
      if (running.length === 0) return;
      assert.ok(looks < 400, `${running.join(', ')} still run\n${jitsu.log}`);
      await sleep(100);
    }
  });

  function postgresFolder(context: Mocha.Context): string {
    const root = '/usr/lib/postgresql';
    const versions = existsSync(root) ? readdirSync(root) : [];
    const found = versions.map((version) => `${root}/${version}/bin`).find((bin) => existsSync(`${bin}/initdb`));
    return found ?? cannotRun(context, 'PostgreSQL is not installed (Debian: apt-get install postgresql)');
  }

  function aDatabase(): Client {
    const unikernel = RunningJitsu.aUnikernel('database');
    const { ip } = unikernel as { ip: string };
    const data = folder.in('data');
    mkdirSync(data);
    chownSync(data, NOBODY, NOBODY);
    const made = spawnSync(
      `${postgres}/initdb`,
      ['-D', data, '-U', 'nobody', '-A', 'trust', '--no-sync', '-E', 'UTF8'],
      {
        ...{ uid: NOBODY, gid: NOBODY, encoding: 'utf8', cwd: '/', env: { LC_ALL: 'C' } },
      },
    );
    assert.equal(made.status, 0, made.stderr);
    const settings = [`listen_addresses=${ip}`, `unix_socket_directories=${data}`, 'port=8080', 'fsync=off'];
    const command = [`${postgres}/postgres`, '-D', data, ...settings.flatMap((setting) => ['-c', setting])];
    const ready = `exec:${postgres}/pg_isready -q -h ${ip} -p 8080`;
    const use = async (address: string): Promise<void> => {
      const words = ['-h', address, '-p', '8080', '-U', 'nobody', '-Atq', 'postgres', '-v', 'ON_ERROR_STOP=1'];
      const session = ['-c', 'create temporary table kept (answer int)', '-c', 'insert into kept values (42)'];
      const wait = ['-c', String.raw`\! sleep ${LIFE}`, '-c', 'select answer from kept'];
      const { stdout } = await run('psql', [...words, ...session, ...wait]);
      assert.equal(stdout, '42\n');
    };
    return { unikernel: { ...unikernel, habits: undefined, command, user: 'nobody', ready, ports: ['tcp/8080'] }, use };
  }

  function aShell(): Client {
    const unikernel = RunningJitsu.aUnikernel('shell');
    const { ip } = unikernel as { ip: string };
    if (!existsSync('/run/sshd')) {
      madeFolder = '/run/sshd';
      mkdirSync(madeFolder, { mode: 0o755 });
    }
    const [host, own] = [folder.in('host-key'), folder.in('own-key')];
    for (const file of [host, own]) spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]);
    const file = folder.in('sshd_config');
    const lines = [`ListenAddress ${ip}`, 'Port 8080', `HostKey ${host}`, `AuthorizedKeysFile ${own}.pub`];
    writeFileSync(
      file,
      [...lines, 'PidFile none', 'UsePAM no', 'StrictModes no', 'PermitRootLogin yes', ''].join('\n'),
    );
    const use = async (address: string): Promise<void> => {
      const options = [
        'StrictHostKeyChecking=no',
        'UserKnownHostsFile=/dev/null',
        'LogLevel=ERROR',
        `IdentityFile=${own}`,
      ];
      const words = [
        '-F',
        'none',
        '-p',
        '8080',
        ...options.flatMap((option) => ['-o', option]),
        `root@${address}`,
        'cat',
      ];
      const ssh = spawn('ssh', words, { stdio: ['pipe', 'pipe', 'pipe'] });
      let said = '';
      let complaints = '';
      ssh.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()));
      ssh.stderr.on('data', (bytes: Buffer) => (complaints += bytes.toString()));
      const ended = once(ssh, 'close') as Promise<[number | null]>;
      ssh.stdin.write('first ');
      await Promise.race([sleep(LIFE * 1_000), ended]);
      ssh.stdin.end('last');
      const [status] = await ended;
      assert.deepEqual([status, said], [0, 'first last'], complaints);
    };
    return { unikernel: { ...unikernel, habits: undefined, command: [sshd, '-D', '-e', '-f', file] }, use };
  }

  function aPage(): Client {
    const use = async (address: string): Promise<void> => {
      const words = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run'];
      const own = [`--user-data-dir=${folder.in('chromium')}`, `--host-resolver-rules=MAP page.test ${address}`];
      const page = `http://page.test:8080/page?seconds=${LIFE}`;
      const browser = spawn(chromium, [...words, ...own, '--remote-debugging-port=0', page], {
        stdio: 'ignore',
        detached: true,
      });
      try {
        for (let looks = 0; ; looks += 1) {
          await sleep(1_000);
          // Only when the page is to be through: this is another client.
          if (looks < LIFE) continue;
          const told = await (await fetch(`http://${address}:8080/told`, { headers: { connection: 'close' } })).text();
          if (told !== '') return assert.equal(told, `answers=${LIFE}&errors=0`);
          assert.ok(looks < LIFE + 60, 'the page has not come to its end');
        }
      } finally {
        if (browser.pid !== undefined) process.kill(-browser.pid, 'SIGKILL');
        await sleep(500);
      }
    };
    return { unikernel: { ...aProgram('page'), listen: 'tcp:8080' }, use };
  }

  function aProxied(): Client {
    const unikernel = aProgram('proxied');
    const use = async (address: string): Promise<void> => {
      const port = await freePort();
      const own = folder.in('nginx');
      mkdirSync(own);
      const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
        (kind) => `${kind}_temp_path ${own}/${kind};`,
      );
      const http = `${paths.join(' ')} access_log off; server { listen 127.0.0.1:${port}; location / { proxy_pass http://${address}:8080; } }`;
      const main = `daemon off; master_process off; pid ${own}/pid; error_log stderr; events {} http { ${http} }`;
      writeFileSync(`${own}/nginx.conf`, main);
      const proxy = spawn(nginx, ['-p', own, '-c', `${own}/nginx.conf`, '-e', 'stderr'], {
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let complaints = '';
      proxy.stderr.on('data', (bytes: Buffer) => (complaints += bytes.toString()));
      try {
        const statuses: number[] = [];
        const begin = performance.now();
        while (performance.now() - begin < LIFE * 1_000) {
          // In the first half a new connection each second, then one each 5 s, which finds it asleep.
          await sleep(performance.now() - begin < (LIFE * 1_000) / 2 ? 1_000 : 5_000);
          const { status } = await fetch(`http://127.0.0.1:${port}/poll`, { headers: { connection: 'close' } });
          statuses.push(status);
        }
        assert.ok(
          statuses.length > LIFE / 2 && statuses.every((status) => status === 200),
          `${statuses.join(' ')}\n${complaints}`,
        );
      } finally {
        proxy.kill('SIGKILL');
      }
    };
    return { unikernel: { ...unikernel, listen: 'tcp:8080' }, use };
  }
});

describe('a unikernel that nobody uses', function () {
  this.timeout(60_000);

  it('sleeps after twice its TTL, though its own probes, and a visit, end by connections that its program closes', async () => {
    const short = aProgram('short', { ready: 'http:8080/' });
    await using jitsu = new RunningJitsu([short], {
      dns: { ttl: TTL },
      stop: { policies: ['connections', 'traffic', 'ttl'] },
    });
    await jitsu.start();
    await jitsu.visit('short.test');
    const visited = performance.now();
    while ((await jitsu.status('short')).state !== 'off') await sleep(50);
    const took = performance.now() - visited;
    assert.ok(took > 2 * TTL * 1_000 - 200 && took < 20_000, `${took} ms\n${jitsu.log}`);
  });

  it('sleeps, though it talks to others itself, and though a monitor that may not wake it asks it', async () => {
    const monitor = '127.0.0.66';
    const talker = aProgram('talker');
    const { ip } = talker as { ip: string };
    talker['command'] = [process.execPath, PROGRAM, ip, '8080', `talks=127.0.0.1:9`];
    const watched = aProgram('watched');
    await using jitsu = new RunningJitsu([talker, watched], { dns: { ttl: TTL }, wake: { deny: [`${monitor}/32`] } });
    await jitsu.start();
    for (const name of ['talker', 'watched']) assert.equal((await jitsu.ask(`${name}.test`)).rcode, 'NOERROR');
    const { ip: address } = watched as { ip: string };
    const connections: Socket[] = [];
    for (let looks = 0; ; looks += 1) {
      // One that stays open, and new ones.
      const socket = connect({ host: address, port: 8080, localAddress: monitor });
      socket.on('error', () => undefined);
      if (looks === 0) connections.push(socket);
      else setTimeout(() => socket.destroy(), 50);
      const { unikernels } = await jitsu.report();
      const running = unikernels.filter(({ state }) => state === 'running').map(({ name }) => name);
      if (running.length === 0) break;
      assert.ok(looks < 100, `${running.join(', ')} still run\n${jitsu.log}`);
      await sleep(100);
    }
    for (const socket of connections) socket.destroy();
  });
});
