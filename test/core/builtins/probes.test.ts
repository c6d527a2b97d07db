import { describeReadinessProbe, ManualClock } from '@jitsud/core/testing';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, readFileSync } from 'node:fs';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { SystemClock } from '#core/clock.js';
import type { Clock } from '#core/contracts/clock.js';
import type { ReadinessProbe } from '#core/contracts/readiness-probe.js';
import { SealableSpawner } from '#core/plugin-kit/sealable-spawner.js';
import { ExecProbe } from '#core/builtins/exec-probe.js';
import { HttpProbe, HttpsProbe, plainQuestion, secureQuestion } from '#core/builtins/http-probe.js';
import { pauseAfter, pollUntil } from '#core/plugin-kit/poll-until.js';
import { untilAborted } from '#core/plugin-kit/until-aborted.js';
import { TcpProbe } from '#core/builtins/tcp-probe.js';
import { eventually, PATIENCE } from '#core/testing/eventually.js';
import { rejectsWithCode } from '#core/testing/rejects-with-code.js';
import { Authority, type Certificate } from '../../support/certificates.js';
import { InheritableFile } from '../../support/inheritable-file.js';
import { requireRoot, requireTool } from '../../support/require-tool.js';
import { SealingSpawner } from '../../support/sealing-spawner.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

const clock = new SystemClock();
const target = { name: 'web', id: '01234567-89ab-4def-8123-456789abcdef', addresses: ['127.0.0.1'] };
const patience = (): AbortSignal => AbortSignal.timeout(PATIENCE);

async function listening<T extends Server>(server: T, port = 0): Promise<T & AsyncDisposable & { port: number }> {
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return Object.assign(server, {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  });
}

/** Whether there is such a process that has not ended: one that ended stays in the table until its parent has looked. */
function isRunning(pid: string): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOENT');
    return false;
  }
}

/** A port on which nothing listens for now. */
async function freePort(): Promise<number> {
  await using server = await listening(createServer());
  return server.port;
}

describe('the pauses between attempts', () => {
  it('begin at half a millisecond and add a twentieth to the wait, up to 50 ms', () => {
    assert.equal(pauseAfter(0), 0.5);
    assert.equal(pauseAfter(200), 10);
    assert.equal(pauseAfter(60_000), 50);
  });

  it('look less often where many of them wait at once', () => {
    assert.equal(pauseAfter(0, 2), 1);
    assert.equal(pauseAfter(200, 50), 25);
    assert.equal(pauseAfter(60_000, 1_000), 50);
  });
});

class DeferredAcceptance {
  resolve: () => void = () => undefined;
  readonly #accepted = new Promise<void>((resolve) => (this.resolve = resolve));

  untilAccepted(signal: AbortSignal): Promise<void> {
    return untilAborted(this.#accepted, signal);
  }
}

describe('what is tried until it succeeds', () => {
  it('is not tried at all when it was called off before', async () => {
    let attempts = 0;
    const polled = pollUntil(async () => (attempts += 1) > 0, clock, AbortSignal.abort(new Error('never mind')));
    await assert.rejects(polled, /never mind/);
    assert.equal(attempts, 0);
  });
});

describe('the tcp probe', () => {
  it('is satisfied as soon as the port listens', async () => {
    const port = await freePort();
    const ready = new TcpProbe(port, clock).untilReady(target, patience());
    await clock.sleep(30);
    await using _server = await listening(
      createServer((socket) => socket.resume().on('error', () => undefined)),
      port,
    );
    await ready;
  });

  it('waits until the service accepts where Jitsu itself listens', async () => {
    await using server = await listening(createServer((socket) => socket.resume().on('error', () => undefined)));
    const accepted = new DeferredAcceptance();
    const asked: [string, number][] = [];
    const outcomes: string[] = [];
    const listener = (address: string, port: number): DeferredAcceptance => (asked.push([address, port]), accepted);
    const held = { ...target, listener, report: (outcome: string) => void outcomes.push(outcome) };
    const ready = new TcpProbe(server.port, clock).untilReady(held, patience());
    const open = `127.0.0.1:${server.port} is open, and no connection is accepted there`;
    // On a busy machine it says before that a first attempt has taken too long.
    await eventually(() => assert.equal(outcomes.at(-1), open));
    assert.equal(await Promise.race([ready, clock.sleep(30).then(() => 'pending')]), 'pending');
    accepted.resolve();
    await ready;
    assert.deepEqual(asked, [['127.0.0.1', server.port]]);
    assert.deepEqual(
      outcomes.filter((outcome) => !outcome.endsWith('does not take connections')),
      [open],
    );
    const controller = new AbortController();
    const endless = new TcpProbe(server.port, clock).untilReady(
      { ...target, listener: () => new DeferredAcceptance() },
      controller.signal,
    );
    controller.abort(new Error('never mind'));
    await assert.rejects(endless, /never mind/);
  });

  it('wants every address to listen', async () => {
    await using server = await listening(createServer((socket) => socket.resume().on('error', () => undefined)));
    const both = { ...target, addresses: ['127.0.0.1', '127.0.0.2'] };
    const signal = AbortSignal.timeout(100);
    await assert.rejects(new TcpProbe(server.port, clock).untilReady(both, signal), { name: 'TimeoutError' });
  });

  it('ends at once, with the reason, when it is called off', async () => {
    const controller = new AbortController();
    const reason = new Error('never mind');
    const ready = new TcpProbe(await freePort(), clock).untilReady(target, controller.signal);
    controller.abort(reason);
    await assert.rejects(ready, reason);
    await assert.rejects(new TcpProbe(1, clock).untilReady(target, controller.signal), reason);
  });
});

describe('the http probe', () => {
  it('is satisfied by the first status from 200 to 399', async () => {
    const statuses = [503, 404, 302];
    const paths: (string | undefined)[] = [];
    await using server = await listening(
      createHttpServer((request, response) => {
        paths.push(request.url);
        response.writeHead(statuses.shift() ?? 500).end();
      }),
    );
    await new HttpProbe({ port: server.port, path: '/healthz' }, clock).untilReady(target, patience());
    assert.deepEqual(paths, ['/healthz', '/healthz', '/healthz']);
  });

  it('goes on when a connection is cut or answers no HTTP', async () => {
    let connections = 0;
    const http = createHttpServer((_request, response) => response.end('up'));
    await using server = await listening(
      createServer((socket) => {
        connections += 1;
        socket.on('error', () => undefined);
        if (connections === 1) socket.destroy();
        else if (connections === 2) socket.resume().end('who is there?\r\n');
        else http.emit('connection', socket);
      }),
    );
    await new HttpProbe({ port: server.port, path: '/' }, clock).untilReady(target, patience());
    assert.ok(connections >= 3);
  });

  it('ends at once when it is called off in the middle of a request', async () => {
    const controller = new AbortController();
    const reason = new Error('never mind');
    await using server = await listening(createHttpServer(() => controller.abort(reason)));
    const signal = AbortSignal.any([controller.signal, patience()]);
    const ready = new HttpProbe({ port: server.port, path: '/' }, clock).untilReady(target, signal);
    await assert.rejects(ready, reason);
  });
});

describe('the words of an http probe', () => {
  it('are a port and a path, with a host where one is named, and the accepted statuses', () => {
    for (const [words, port, path, host, statuses] of [
      ['8080/healthz', 8080, '/healthz'],
      ['8080', 8080, '/'],
      [
        '8080/a?b=c:d 200 401-403',
        8080,
        '/a?b=c:d',
        undefined,
        [
          [200, 200],
          [401, 403],
        ],
      ],
      ['//www.example.org/x', 80, '/x', 'www.example.org'],
      ['//www.example.org:8080', 8080, '/', 'www.example.org'],
    ] as const) {
      const { statuses: ranges, ...question } = plainQuestion.parse(words);
      assert.deepEqual(question, { port, path, ...(host !== undefined && { host }) }, words);
      assert.deepEqual(
        ranges?.map(({ from, to }) => [from, to]),
        statuses,
        words,
      );
    }
    assert.equal(secureQuestion.parse('//www.example.org').port, 443);
    for (const words of ['', '/healthz', 'x/', '0/', '70000/', '80/ 600', '80/ 300-200', '80/ ok', '//a b/']) {
      assert.equal(plainQuestion.safeParse(words).success, false, words);
    }
  });
});

for (const secure of [false, true]) {
  describe(`the ${secure ? 'https' : 'http'} probe`, () => {
    let authority: Authority | undefined;
    let certificate: Certificate | undefined;

    before(function () {
      if (!secure) return;
      authority = new Authority(requireTool(this, 'openssl'));
      certificate = authority.issue('IP:127.0.0.1');
    });

    after(() => authority?.[Symbol.dispose]());

    const serve = async (listener: RequestListener) =>
      listening(certificate ? createHttpsServer(certificate, listener) : createHttpServer(listener));
    const probe = (words: string): ReadinessProbe =>
      secure ? new HttpsProbe(secureQuestion.parse(words), clock) : new HttpProbe(plainQuestion.parse(words), clock);

    it('asks for the host that is named, else for the address', async () => {
      const hosts: (string | undefined)[] = [];
      await using server = await serve((request, response) => {
        hosts.push(request.headers.host);
        response.end();
      });
      const { port } = server;
      for (const words of [`${port}/`, `//www.example.org:${port}/`]) await probe(words).untilReady(target, patience());
      assert.deepEqual(hosts, [`127.0.0.1:${port}`, `www.example.org:${port}`]);
    });

    it('takes the statuses that are named alone, and reports all others', async () => {
      const statuses = [200, 503, 401];
      const reports: string[] = [];
      await using server = await serve((_request, response) => void response.writeHead(statuses.shift() ?? 500).end());
      const reporting = { ...target, report: (outcome: string) => void reports.push(outcome) };
      await probe(`${server.port}/ 400-402`).untilReady(reporting, patience());
      assert.deepEqual(
        reports,
        [200, 503].map((status) => `127.0.0.1:${server.port} answered with status ${status}`),
      );
    });

    it('asks again where nothing comes over a connection, and leaves none behind', async () => {
      const manual = new ManualClock();
      const sockets: Socket[] = [];
      await using silent = await listening(
        createServer((socket) => sockets.push(socket.on('error', () => undefined).resume())),
      );
      const words = `${silent.port}/`;
      const silently = secure
        ? new HttpsProbe(secureQuestion.parse(words), manual)
        : new HttpProbe(plainQuestion.parse(words), manual);
      const controller = new AbortController();
      const ready = silently.untilReady(target, controller.signal);
      await eventually(() => assert.equal(sockets.length, 1));
      await eventually(async () => {
        await manual.advance(10_000);
        assert.ok(sockets.length > 1);
      });
      controller.abort(new Error('enough'));
      await assert.rejects(ready);
      await eventually(() => assert.ok(sockets.every(({ destroyed, readableEnded }) => destroyed || readableEnded)));
    });

    it('reports what is in the way: nobody there, or no answer', async () => {
      const reports = new Set<string>();
      const reporting = { ...target, report: (outcome: string) => void reports.add(outcome) };
      const port = await freePort();
      const ready = probe(`${port}/`).untilReady(reporting, patience());
      await eventually(() => assert.ok(reports.has(`127.0.0.1:${port} refuses connections`)));
      const cutting = await listening(
        createServer((socket) => socket.on('error', () => undefined).destroy()),
        port,
      );
      await eventually(() => assert.match([...reports].join(), /takes connections and gives no answer: \S/));
      await cutting[Symbol.asyncDispose]();
      await using _server = await listening(
        certificate ? createHttpsServer(certificate, (_q, s) => s.end()) : createHttpServer((_q, s) => s.end()),
        port,
      );
      await ready;
    });
  });
}

describe('the tcp probe that waits', () => {
  it('reports each obstacle once', async () => {
    const reports: string[] = [];
    const port = await freePort();
    const reporting = { ...target, report: (outcome: string) => void reports.push(outcome) };
    await assert.rejects(new TcpProbe(port, clock).untilReady(reporting, AbortSignal.timeout(200)));
    assert.deepEqual(reports, [`127.0.0.1:${port} refuses connections`]);
  });
});

for (const sealed of [false, true]) {
  describe(`the exec probe${sealed ? ', its spawner sealed' : ''}`, () => {
    let spawner: SealableSpawner | SealingSpawner;

    before(() => (spawner = sealed ? new SealingSpawner() : new SealableSpawner()));

    after(() => spawner.close());

    /** A probe as the core uses it: what it runs is allowed beforehand. */
    function execProbe(command: readonly string[], clock: Clock): ReadinessProbe {
      const probe = new ExecProbe(command, clock, spawner);
      return {
        untilReady: (target, signal) => {
          probe.allow(target);
          return probe.untilReady(target, signal);
        },
      };
    }

    it('is satisfied when the command ends with status 0, and tells it whom it is about', async () => {
      const script =
        'process.exit(process.env.JITSU_NAME === "web" && process.env.JITSU_ADDRESSES === "127.0.0.1" ? 0 : 1)';
      await execProbe([process.execPath, '-e', script], clock).untilReady(target, patience());
    });

    it('goes on while the command fails, and kills it when it is called off', async () => {
      const probe = execProbe([process.execPath, '-e', 'process.exit(1)'], clock);
      await assert.rejects(probe.untilReady(target, AbortSignal.timeout(200)), { name: 'TimeoutError' });
      const endless = execProbe([process.execPath, '-e', 'setInterval(() => {}, 1000)'], clock);
      await assert.rejects(endless.untilReady(target, AbortSignal.timeout(200)), { name: 'TimeoutError' });
    });

    it('kills what the command has started, too, when it is called off', async () => {
      using folder = new TemporaryFolder();
      const [started, written] = [folder.in('started'), folder.in('written')];
      const script = `sleep 1000 & echo $! > ${written}; mv ${written} ${started}; wait`;
      const controller = new AbortController();
      const ready = execProbe(['sh', '-c', script], clock).untilReady(target, controller.signal);
      const pid = await eventually(() => readFileSync(started, 'utf8').trim());
      assert.equal(isRunning(pid), true);
      controller.abort(new Error('enough'));
      await assert.rejects(ready, /enough/);
      await eventually(() => assert.equal(isRunning(pid), false));
    });

    it('runs the command as the user of its unikernel, in its folder, with its variables and limits', async function () {
      requireRoot(this);
      using folder = new TemporaryFolder();
      chmodSync(folder.path, 0o777);
      const [said, secret] = [folder.in('said'), 'JITSU_XAPI_PASSWORD'];
      const script = `(id -u; id -G; pwd; echo $A $JITSU_NAME $${secret}; umask; ulimit -n; ls /proc/self/fd; grep -o 'NoNewPrivs.*' /proc/self/status) > ${said}`;
      const execution = {
        ...{ cwd: '/usr', env: { PATH: process.env.PATH, A: 'b' }, account: { uid: 65_534, gid: 65_533 } },
        ...{ groups: [4_711], umask: 0o27, files: 99 },
      };
      process.env[secret] = 'secret';
      try {
        await execProbe(['sh', '-c', script], clock).untilReady({ ...target, execution: () => execution }, patience());
      } finally {
        Reflect.deleteProperty(process.env, secret);
      }
      const expected = [
        '65534',
        '65533 4711',
        '/usr',
        'b web',
        '0027',
        '99',
        ...['0', '1', '2', '3'],
        'NoNewPrivs:\t1',
        '',
      ];
      assert.deepEqual(readFileSync(said, 'utf8').split('\n'), expected);
    });

    it('gives the command of a unikernel without a user few of Jitsu’s variables, and none of its secrets', async () => {
      using folder = new TemporaryFolder();
      const kept = { ...(sealed ? {} : { HOME: '/home/jitsu' }), LANG: 'C.UTF-8', LC_TIME: 'C', TZ: 'UTC' };
      const secrets = { JITSU_XAPI_PASSWORD: 'x', SSH_AUTH_SOCK: '/s', DATABASE_URL: 'y', NOTIFY_SOCKET: '/n' };
      const before = { ...process.env };
      Object.assign(process.env, kept, secrets);
      try {
        await execProbe(['sh', '-c', `env > ${folder.in('said')}`], clock).untilReady(target, patience());
      } finally {
        for (const name of Object.keys({ ...kept, ...secrets })) {
          if (before[name] === undefined) Reflect.deleteProperty(process.env, name);
          else process.env[name] = before[name];
        }
      }
      const lines = readFileSync(folder.in('said'), 'utf8').split('\n');
      for (const [name, value] of Object.entries(kept)) assert.ok(lines.includes(`${name}=${value}`), name);
      assert.ok(lines.includes('JITSU_NAME=web') && lines.includes(`PATH=${process.env.PATH}`));
      const names = lines.filter((line) => line !== '').map((line) => line.slice(0, line.indexOf('=')));
      const allowed =
        /^(PATH|LANG|LANGUAGE|TZ|LC_.*|HOME|USER|LOGNAME|SHELL|TMPDIR|JITSU_(NAME|ID|ADDRESSES)|PWD|OLDPWD|SHLVL|_)$/;
      assert.deepEqual(
        names.filter((name) => !allowed.test(name)),
        [],
      );
    });

    it('gives the command no file that a library has opened', async () => {
      using folder = new TemporaryFolder();
      const file = new InheritableFile(folder.in('store'));
      try {
        const script = `! ls -l /proc/self/fd | grep ${folder.in('store')}`;
        await execProbe(['sh', '-c', script], clock).untilReady(target, patience());
      } finally {
        file[Symbol.dispose]();
      }
    });

    it('lets the command get more privileges only where its unikernel may', async () => {
      const script = (value: number): string[] => ['grep', '-q', `NoNewPrivs:.${value}`, '/proc/self/status'];
      const execution = { cwd: '/', env: process.env, newPrivileges: true };
      await execProbe(script(1), clock).untilReady(target, patience());
      await execProbe(script(0), clock).untilReady({ ...target, execution: () => execution }, patience());
    });

    it('ends an attempt that takes longer than half a minute, and tries again', async () => {
      using folder = new TemporaryFolder();
      const manual = new ManualClock();
      const [first, pids] = [folder.in('first'), folder.in('pids')];
      const script = `[ -e ${first} ] && exit; touch ${first}; echo $$ > ${pids}; sleep 1000`;
      const ready = execProbe(['sh', '-c', script], manual).untilReady(target, patience());
      const pid = await eventually(() => readFileSync(pids, 'utf8').trim() || assert.fail());
      // The command may run before its start is told.
      await eventually(() => assert.equal(manual.pending, 1));
      await manual.advance(29_999);
      await clock.sleep(50);
      assert.equal(isRunning(pid), true);
      await manual.advance(1);
      await eventually(() => assert.equal(isRunning(pid), false));
      const again = setInterval(() => void manual.advance(50), 10);
      await ready.finally(() => clearInterval(again));
    });

    it('ends what an attempt leaves behind', async () => {
      using folder = new TemporaryFolder();
      const left = folder.in('left');
      await execProbe(['sh', '-c', `sleep 1000 & echo $! > ${left}`], clock).untilReady(target, patience());
      await eventually(() => assert.equal(isRunning(readFileSync(left, 'utf8').trim()), false));
    });

    it(`ends an attempt whose end nobody would tell any more, and ${sealed ? 'fails' : 'tries again'}`, async () => {
      using folder = new TemporaryFolder();
      const [first, pids] = [folder.in('first'), folder.in('pids')];
      const script = `[ -e ${first} ] && exit; touch ${first}; echo $$ $PPID > ${pids}; sleep 1000`;
      const ready = execProbe(['sh', '-c', script], clock).untilReady(target, patience());
      const written = await eventually(() => readFileSync(pids, 'utf8').trim() || assert.fail());
      const [pid = '', parent = ''] = written.split(' ');
      // It has told the process by then.
      await clock.sleep(200);
      process.kill(Number(parent), 'SIGKILL');
      if (sealed) {
        await rejectsWithCode(ready, 'JITSU_BACKEND_UNREACHABLE');
        process.kill(Number(pid), 'SIGKILL');
      } else await ready;
      await eventually(() => assert.equal(isRunning(pid), false));
    });

    it('fails at once when there is no such command', async () => {
      const probe = execProbe(['/no/such/command'], clock);
      const error = await rejectsWithCode(probe.untilReady(target, patience()), 'JITSU_UNIKERNEL_INVALID');
      assert.match(error.message, /readiness probe of web, "exec:\/no\/such\/command"/);
    });
  });
}

let port = 0;
let nextAddress = 2;

describe('the TCP probe, on one port', () => {
  before(async () => {
    const server = createServer().listen(0, '127.99.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
    server.close();
  });

  describeReadinessProbe('the TCP probe', {
    probe: () => new TcpProbe(port, new SystemClock()),
    service: () => {
      const address = `127.99.${process.pid % 250}.${nextAddress++}`;
      const server = createServer((socket) => socket.destroy());
      return {
        target: { name: 'web', id: 'id', addresses: [address] },
        answer: async () => {
          server.listen(port, address);
          await once(server, 'listening');
        },
        end: () => void server.close(),
      };
    },
  });
});
