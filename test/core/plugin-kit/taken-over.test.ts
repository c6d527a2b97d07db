import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Launch } from '#core/contracts/spawner.js';
import { MessageStream } from '#core/plugin-kit/message-stream.js';
import { eventually } from '#core/testing/eventually.js';
import { cannotRun } from '../../support/cannot-run.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

const PROGRAM = fileURLToPath(import.meta.resolve('#core/plugin-kit/spawner-program.js'));
const NONCE = '0123456789abcdef0123456789abcdef';
const IS_ROOT = process.getuid?.() === 0;
/** Whom Jitsu has become: where this is not run as root, nobody else can be had. */
const JITSU = IS_ROOT ? { uid: 65_533, gid: 65_533 } : { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

interface Answer {
  readonly number: number;
  readonly pid?: number;
  readonly done?: boolean;
  readonly failure?: { readonly code?: string; readonly message: string; readonly path?: string };
}

describe('a Jitsu that somebody has taken over', () => {
  let folder: TemporaryFolder;
  let spawner: ChildProcess;
  let socket: Socket;
  let stream: MessageStream;
  let answers: Map<number, Answer>;
  let said: string;
  let victim: ChildProcess;
  let number: number;

  beforeEach(async function () {
    if (process.platform !== 'linux') cannotRun(this, 'it looks at processes in /proc');
    folder = new TemporaryFolder();
    chmodSync(folder.path, 0o755);
    [answers, said, number] = [new Map<number, Answer>(), '', 0];
    victim = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
    spawner = spawn(process.execPath, [PROGRAM], { stdio: ['ignore', 'ignore', 'pipe', 'pipe'] });
    spawner.stderr?.on('data', (bytes: Buffer) => (said += bytes.toString()));
    socket = spawner.stdio[3] as Socket;
    stream = new MessageStream(socket, {
      message: (news) => {
        const answer = news as Answer;
        if ('number' in answer && !('exit' in answer)) answers.set(answer.number, answer);
      },
      end: () => undefined,
    });
    const launches = {
      allowed: launch({ words: ['-c', 'exec sleep 1000'], output: output('allowed') }),
      probe: launch({ words: ['-c', 'exec sleep 1000'], temporary: true, account: 'jitsu' }),
    };
    stream.send({
      inherited: [],
      launches: Object.entries(launches),
    });
    assert.deepEqual(await ask({ seal: JITSU }), { number: 1, done: true });
  });

  afterEach(() => {
    for (const pid of [...children(), victim.pid ?? NaN]) process.kill(pid, 'SIGKILL');
    socket.destroy();
    folder[Symbol.dispose]();
  });

  function launch(more: Partial<Launch>): Launch {
    return { program: '/bin/sh', argv0: 'sh', words: [], cwd: '/', env: {}, ...more };
  }

  /** Makes the files of a program's output as Jitsu makes them. */
  function output(name: string): string {
    const path = folder.in(name);
    for (const file of [`${path}.stdout`, `${path}.stderr`]) {
      writeFileSync(file, '', { mode: 0o600 });
      chownSync(file, JITSU.uid, JITSU.gid);
    }
    return path;
  }

  async function ask(order: object): Promise<Answer> {
    number += 1;
    const wanted = number;
    stream.send({ number, ...order });
    return eventually(() => answers.get(wanted) ?? assert.fail(`no answer to ${JSON.stringify(order)}`));
  }

  const hasEnded = (): boolean => spawner.exitCode !== null || spawner.signalCode !== null;

  /** The processes that it has started and not waited for. */
  function children(): number[] {
    const path = `/proc/${spawner.pid}/task/${spawner.pid}/children`;
    return hasEnded() ? [] : readFileSync(path, 'latin1').trim().split(' ').filter(Boolean).map(Number);
  }

  const commandOf = (pid: number): string =>
    readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim();

  /** Nothing has happened but what was allowed, and the process goes on. */
  async function isUnharmed(): Promise<void> {
    const { pid = NaN } = await ask({ key: 'allowed', details: { nonce: NONCE } });
    await eventually(() => assert.equal(commandOf(pid), 'sleep 1000'));
    assert.deepEqual(await ask({ group: pid, signal: 'SIGKILL' }), { number, done: true });
    await eventually(() => assert.ok(!children().includes(pid)));
    assert.deepEqual([victim.exitCode, victim.signalCode, hasEnded()], [null, null, false]);
  }

  it('can have started what was allowed, and nothing else', async () => {
    const mine = launch({ words: ['-c', `touch ${folder.in('harm')}`] });
    for (const order of [
      { launch: mine, details: {} },
      { key: 'mine', details: {} },
      { key: 'allowed', launch: mine, details: {} },
      { key: 'allowed', ...mine, details: {} },
      { key: 'allowed', details: { env: { LD_PRELOAD: folder.in('harm.so') } } },
      { key: 'allowed', details: { nonce: `${NONCE}\nLD_PRELOAD=x` } },
      { key: 'allowed', details: { addresses: ['192.0.2.1', '$(touch /tmp/x)'] } },
      { inherited: [], launches: [['mine', mine]] },
      { inherited: [], launches: [['allowed', mine]] },
      { seal: { uid: 0, gid: 0 } },
      { adopt: victim.pid, startTime: '7' },
      { group: victim.pid, signal: 'SIGKILL' },
      { group: -(victim.pid ?? NaN), signal: 'SIGKILL' },
      { group: process.pid, signal: 'SIGSTOP' },
      { group: 1, signal: 'SIGKILL' },
      { group: 0, signal: 'SIGKILL' },
      { thread: 1, niceness: 0 },
      { thread: spawner.pid, niceness: -10 },
      { neighbours: ['192.0.2.1'] },
      { neighbour: '192.0.2.1', mac: '02:16:3e:00:00:01' },
      { neighbour: '192.0.2.1', ask: true },
    ]) {
      const { failure, done } = await ask(order);
      if (done === undefined) assert.equal(failure?.code, 'JITSU_BACKEND_DENIED', JSON.stringify(order));
      else assert.equal(done, false, JSON.stringify(order));
    }
    assert.deepEqual((await ask({ key: 'mine', details: {} })).failure?.code, 'JITSU_BACKEND_DENIED');
    assert.deepEqual(children(), []);
    assert.deepEqual(
      readdirSync(folder.path).filter((name) => name.startsWith('harm')),
      [],
    );
    await isUnharmed();
  });

  it('cannot have a program write to a file that is not its own', async () => {
    const secret = folder.in('secret');
    writeFileSync(secret, 'of root', { mode: 0o600 });
    const file = folder.in('allowed.stdout');
    for (const put of [
      () => symlinkSync(secret, file),
      () => {
        chownSync(secret, JITSU.uid, JITSU.gid);
        linkSync(secret, file);
      },
      () => undefined,
      () => symlinkSync('/dev/null', file),
    ]) {
      rmSync(file, { force: true });
      put();
      const { failure } = await ask({ key: 'allowed', details: {} });
      assert.ok(failure !== undefined);
      assert.equal(failure.path, file);
    }
    assert.equal(readFileSync(secret, 'utf8'), 'of root');
    rmSync(file, { force: true });
    output('allowed');
    await isUnharmed();
  });

  it('cannot have more than a few of a kind run', async () => {
    const codes: unknown[] = [];
    for (let count = 0; count < 20; count += 1) {
      for (const key of ['allowed', 'probe']) codes.push((await ask({ key, details: {} })).failure?.code);
    }
    assert.equal(codes.filter((code) => code === undefined).length, 8);
    assert.equal(children().length, 8);
    if (IS_ROOT) {
      const uids = children().map((pid) => /^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
      assert.deepEqual(uids.sort(), [...Array<string>(4).fill('0'), ...Array<string>(4).fill('65533')]);
    }
    for (const pid of children()) await ask({ group: pid, signal: 'SIGKILL' });
    await eventually(() => assert.deepEqual(children(), []));
    await isUnharmed();
  });

  it('cannot leave it to a process of its own', async () => {
    const start = `require('child_process').spawn(process.execPath, [${JSON.stringify(PROGRAM)}], { stdio: [0, 1, 2, 3] })`;
    const main = spawn(process.execPath, ['-e', start], { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
    const left = main.stdio[3] as Socket;
    let hasAnswered = false;
    let hasLeft = false;
    const orders = new MessageStream(left, {
      message: () => (hasAnswered = true),
      end: () => (hasLeft = true),
    });
    orders.send({ inherited: [], launches: [['mine', launch({ words: ['-c', `touch ${folder.in('harm')}`] })]] });
    orders.send({ number: 1, seal: JITSU });
    await eventually(() => assert.ok(hasAnswered));
    const ended = once(main, 'exit');
    main.kill('SIGKILL');
    await ended;
    hasAnswered = false;
    orders.send({ number: 2, key: 'mine', details: {} });
    await eventually(() => assert.ok(hasLeft || hasAnswered));
    assert.deepEqual([hasAnswered, existsSync(folder.in('harm'))], [false, false]);
    left.destroy();
  });

  /** Numbers that are the same in each run (a linear congruential generator). */
  function* numbers(): Generator<number, never> {
    for (let state = 42; ;) {
      state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
      yield state;
    }
  }

  it('cannot end it by what is no order, or no message', async () => {
    const random = numbers();
    const next = (bound: number): number => Math.floor((random.next().value / 2 ** 31) * bound);
    const valid = [
      { number: 1e6, key: 'probe', details: { nonce: NONCE, addresses: ['192.0.2.1', '2001:db8::1'] } },
      { number: 1e6, group: victim.pid, signal: 'SIGKILL' },
      { number: 1e6, thread: victim.pid, niceness: -10 },
      { number: 1e6, launch: launch({ words: ['-c', `touch ${folder.in('harm')}`] }), details: {} },
      { inherited: [], launches: [['mine', launch({})]] },
      { cmd: 'NODE_HANDLE', type: 'net.Socket', msg: {} },
    ].map((order) => JSON.stringify(order));
    const odd = [
      ...['', '{', '[', '7', 'null', '"x"', '[[]]', '{"number":1}', '{"__proto__":{"number":1}}', '\0', '\ufeff{}'],
      ...[
        '['.repeat(8_000),
        '{"number":'.repeat(1_000),
        `"${'x'.repeat(16_000)}"`,
        `{"number":1,"key":"${'\\u0000'.repeat(2_000)}"}`,
      ],
    ];
    for (let round = 0; round < 3_000; round += 1) {
      const text = [...valid, ...odd][next(valid.length + odd.length)] ?? '';
      const body = Buffer.from(text);
      for (let flips = next(4); flips > 0 && body.length > 0; flips -= 1) body[next(body.length)] = next(256);
      const header = Buffer.alloc(4);
      header.writeUInt32LE(body.length);
      const frame = Buffer.concat([header, body]);
      const cut = next(8) === 0 ? next(frame.length) : 0;
      // In pieces, at times.
      if (cut > 0) socket.write(frame.subarray(0, cut));
      socket.write(frame.subarray(cut));
      if (round % 500 === 0) await sleep(5);
    }
    const large = Buffer.alloc(4 + 3_000_000, 0x20);
    large.writeUInt32LE(3_000_000);
    socket.write(large);
    await isUnharmed();
    for (const pid of children()) assert.equal(commandOf(pid), 'sleep 1000');
    assert.ok(!readdirSync(folder.path).includes('harm'));
    // One line a minute, of our own words.
    assert.match(said, /^jitsu: an order to the process that starts programs is refused \(1\): [a-zA-Z ]+\.\n$/);
  });

  it('cannot fill its memory, by what is sent or by not reading the answers', async () => {
    const memory = (): number =>
      Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${spawner.pid}/status`, 'utf8'))?.[1]) / 1_024;
    await isUnharmed();
    const before = memory();
    const endless = Buffer.alloc(1_000_000, 0x20);
    endless.writeUInt32LE(200_000_000);
    for (let count = 0; count < 200; count += 1)
      if (!socket.write(endless.subarray(count === 0 ? 0 : 4))) await drained();
    socket.write(Buffer.alloc(200_000_000 + 4 - 1_000_000 - 199 * 999_996, 0x20));
    await isUnharmed();
    const between = memory();
    socket.pause();
    const order = Buffer.from(JSON.stringify({ number: 1e9, group: 0, signal: 'SIGKILL' }));
    const frame = Buffer.concat([Buffer.from([order.length, 0, 0, 0]), order]);
    const many = Buffer.concat(Array<Buffer>(1_000).fill(frame));
    let blocked = false;
    for (let count = 0; count < 400 && !blocked; count += 1) {
      if (!socket.write(many)) blocked = !(await Promise.race([drained().then(() => true), sleep(500, false)]));
    }
    assert.ok(blocked, 'it goes on reading from who does not read');
    const after = memory();
    socket.resume();
    await isUnharmed();
    // Kept whole, the message would be 200 MB; garbage that is not collected yet is some 45 on a busy machine.
    assert.ok(between - before < 120 && after - between < 40, `${before}, ${between}, ${after} MiB`);
  });

  function drained(): Promise<void> {
    return new Promise((resolve) => socket.once('drain', resolve));
  }
});
