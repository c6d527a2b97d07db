import assert from 'node:assert/strict';
import { requireRoot } from '../../support/require-tool.js';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { request, type IncomingMessage } from 'node:http';
import { createServer } from 'node:net';
import { promisify } from 'node:util';
import { ControlClient } from '#core/control/control-client.js';
import { ControlServer } from '#core/control/control-server.js';
import { JitsuError } from '#core/errors.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { RecordedActions } from '../../support/recorded-actions.js';
import { MemoryLogger } from '../../support/memory-logger.js';
import { anEvent } from '../../support/store-records.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

describe('the control socket', () => {
  let folder: TemporaryFolder;
  let path: string;
  let actions: RecordedActions;
  let clock: ManualClock;
  let log: MemoryLogger;
  let server: ControlServer;
  let client: ControlClient;

  beforeEach(() => {
    folder = new TemporaryFolder();
    path = folder.in('run', 'control.sock');
    actions = new RecordedActions();
    clock = new ManualClock();
    log = new MemoryLogger();
    server = new ControlServer(path, actions, clock, log);
    client = new ControlClient(path);
  });

  afterEach(async () => {
    await server.close();
    folder[Symbol.dispose]();
  });

  it('lets a client ask for everything', async () => {
    await server.listen();
    assert.equal((await client.status()).version, '1.2.3');
    assert.equal((await client.statusOf('wörld /?%')).version, '1.2.3');
    assert.equal((await client.summon('wörld /?%')).phase, 'ready');
    assert.equal((await client.stop('hello')).phase, 'down');
    await client.stop('hello', 'suspend');
    assert.equal((await client.summonGroup('wörld /?%')).unikernels[0]?.wasReady, false);
    assert.equal((await client.stopGroup('shop')).failures[0]?.unikernel, 'db');
    await client.stopGroup('shop', 'suspend');
    assert.equal((await client.keep('wörld /?%', { for: '2h' })).isStored, true);
    await client.keep('hello', { until: '18:00' });
    assert.deepEqual(await client.history({ unikernel: 'a b', limit: 3 }), [anEvent()]);
    await client.history({});
    assert.deepEqual(await client.flush(), { flushed: 3 });
    await client.flush('a b');
    assert.deepEqual(actions.calls, [
      ['status'],
      ['status'],
      ['statusOf', 'wörld /?%'],
      ['summon', 'wörld /?%'],
      ['stop', 'hello', undefined],
      ['stop', 'hello', 'suspend'],
      ['summonGroup', 'wörld /?%'],
      ['stopGroup', 'shop', undefined],
      ['stopGroup', 'shop', 'suspend'],
      ['keep', 'wörld /?%', { for: '2h' }],
      ['keep', 'hello', { until: '18:00' }],
      ['history', { unikernel: 'a b', limit: 3 }],
      ['history', {}],
      ['flush', undefined],
      ['flush', 'a b'],
    ]);
  });

  it('is its owner’s alone, as is the folder that is made for it', async () => {
    await server.listen();
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(statSync(folder.in('run')).mode & 0o777, 0o700);
  });

  it('passes on the code and the words of what failed', async () => {
    await server.listen();
    actions.failure = new JitsuError('JITSU_UNIKERNEL_UNKNOWN', 'There is no unikernel "x".');
    await assert.rejects(client.summon('x'), {
      code: 'JITSU_UNIKERNEL_UNKNOWN',
      message: 'There is no unikernel "x".',
    });
    actions.failure = new TypeError('odd');
    await assert.rejects(client.status(), { code: 'JITSU_CONTROL_FAILED', message: 'odd' });
    assert.deepEqual(log.lines, ['error: GET /status on the control socket: odd']);
  });

  for (const [code, status] of [
    ['JITSU_UNIKERNEL_UNKNOWN', 404],
    ['JITSU_STOP_MODE_UNSUPPORTED', 400],
    ['JITSU_STOPPED_BY_COMMAND', 409],
    ['JITSU_ADDRESS_IN_USE', 409],
    ['JITSU_BACKEND_DENIED', 502],
    ['JITSU_BACKEND_FAILED', 502],
    ['JITSU_SUMMON_DIED', 502],
    ['JITSU_SUMMON_FAILED', 502],
    ['JITSU_BACKEND_UNREACHABLE', 503],
    ['JITSU_BOOT_QUEUE_FULL', 503],
    ['JITSU_SUMMON_BACKING_OFF', 503],
    ['JITSU_SHUTTING_DOWN', 503],
    ['JITSU_SUMMON_DEADLINE', 504],
    ['JITSU_STORE_UNREADABLE', 500],
  ] as const) {
    it(`answers ${status} where an action fails with ${code}`, async () => {
      await server.listen();
      actions.failure = new JitsuError(code, 'No.');
      const asked = request({ socketPath: path, method: 'GET', path: '/status', agent: false }).end();
      const [response] = (await once(asked, 'response')) as [IncomingMessage];
      response.resume();
      assert.equal(response.statusCode, status);
    });
  }

  for (const [method, target, status] of [
    ['GET', '/', 404],
    ['GET', '/status/more', 404],
    ['GET', '//', 400],
    ['POST', '/status', 405],
    ['GET', '/flush', 405],
    ['GET', '/unikernels/hello/summon', 405],
    ['GET', '/unikernels/hello/keep?for=1h', 405],
    ['POST', '/unikernels/hello/keep', 400],
    ['POST', '/unikernels/hello/keep?for=1h&until=18:00', 400],
    ['POST', '/unikernels/hello/explode', 404],
    ['POST', '/unikernels/%ff/summon', 400],
    ['GET', '/history?limit=0', 400],
    ['GET', '/history?limit=1e9', 400],
    ['GET', '/history?limit=', 400],
  ] as const) {
    it(`answers ${status} to ${method} ${target}, and does nothing`, async () => {
      await server.listen();
      const asked = request({ socketPath: path, method, path: target, agent: false }).end();
      const [response] = (await once(asked, 'response')) as [IncomingMessage];
      response.resume();
      assert.equal(response.statusCode, status);
      assert.deepEqual(actions.calls, []);
    });
  }

  it('lets a client give up, while what it asked for goes on', async () => {
    await server.listen();
    let ready = () => {};
    actions.summoning = new Promise((resolve) => (ready = resolve));
    const impatience = new AbortController();
    const summon = client.summon('hello', impatience.signal);
    while (actions.calls.length === 0) await new Promise((resolve) => setImmediate(resolve));
    impatience.abort(new Error('enough'));
    await assert.rejects(summon, { message: 'enough' });
    ready();
    assert.equal((await client.status()).version, '1.2.3');
  });

  it('is refused to a second Jitsu, by the number of the first', async () => {
    await server.listen();
    const second = new ControlServer(path, actions, clock, log);
    const { pid } = process;
    const words = new RegExp(
      `in use by process ${pid}\\. End it \\(Ctrl-C, or \`kill ${pid}\`\\).*runtimeDirectory.*--control.*-l`,
    );
    await assert.rejects(second.listen(), { code: 'JITSU_ALREADY_RUNNING', message: words });
    await second.close();
    assert.equal((await client.status()).version, '1.2.3');
  });

  it('is refused to two that start at once, but for one', async () => {
    const servers = [1, 2, 3].map(() => new ControlServer(path, actions, clock, log));
    const results = await Promise.allSettled(servers.map((one) => one.listen()));
    assert.equal(results.filter((result) => result.status === 'fulfilled').length, 1);
    assert.equal((await client.status()).version, '1.2.3');
    for (const one of servers) await one.close();
  });

  it('replaces the socket of a dead Jitsu', async () => {
    await server.listen();
    renameSync(path, folder.in('dead.sock'));
    await server.close();
    renameSync(folder.in('dead.sock'), path);
    await assert.rejects(client.status(), { code: 'JITSU_NOT_RUNNING' });
    const next = new ControlServer(path, actions, clock, log);
    await next.listen();
    assert.equal((await client.status()).version, '1.2.3');
    await next.close();
  });

  it('removes nothing that is not its own', async () => {
    await server.listen();
    renameSync(path, folder.in('moved.sock'));
    writeFileSync(path, 'another’s');
    await server.close();
    assert.equal(existsSync(path), true);
    const next = new ControlServer(path, actions, clock, log);
    await assert.rejects(next.listen(), { code: 'JITSU_CONTROL_FAILED', message: /is no socket\. Move it away/ });
    assert.equal(existsSync(path), true);
  });

  it('leaves another program’s live socket alone', async () => {
    const other = createServer().listen(folder.in('other.sock'));
    await once(other, 'listening');
    const jitsu = new ControlServer(folder.in('other.sock'), actions, clock, log);
    await assert.rejects(jitsu.listen(), { code: 'JITSU_ALREADY_RUNNING', message: /in use by another program/ });
    other.close();
  });

  it('is gone when Jitsu has stopped', async () => {
    await server.listen();
    await server.close();
    assert.deepEqual(readdirSync(folder.in('run')), []);
    await assert.rejects(client.status(), {
      code: 'JITSU_NOT_RUNNING',
      message: new RegExp(`^No Jitsu listens at ${path}\\. `),
    });
  });

  it('gives what is under way a second to end', async () => {
    await server.listen();
    actions.summoning = new Promise(() => {});
    const summon = client.summon('hello');
    const gone = assert.rejects(summon, { code: 'JITSU_CONTROL_FAILED', message: /gave no answer/ });
    while (actions.calls.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const closing = server.close();
    await clock.advance(1_000);
    await closing;
    await gone;
    assert.equal(clock.pending, 0);
  });

  it('says it when its path is longer than the system takes', async () => {
    const long = new ControlServer(folder.in('x'.repeat(120)), actions, clock, log);
    await assert.rejects(long.listen(), { code: 'JITSU_CONTROL_FAILED', message: /is too long/ });
  });

  it('tells a client of another user that it may not ask', async function () {
    requireRoot(this);
    await server.listen();
    const clientModule = import.meta.resolve('#core/control/control-client.js');
    const script = `
      import { ControlClient } from ${JSON.stringify(clientModule)};
      await new ControlClient(${JSON.stringify(path)}).status().catch(({ code, message }) => console.log(code, message));`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], {
      uid: 65_534,
      gid: 65_534,
    });
    assert.match(stdout, /^JITSU_CONTROL_FAILED The control socket .* may be used by its owner alone\./);
  });
});
