import assert from 'node:assert/strict';
import { checkCount, checkOrder, checkThread, SealedLaunches } from '#core/plugin-kit/sealed-launches.js';

const denied = { code: 'JITSU_BACKEND_DENIED' };
const NONCE = '0123456789abcdef0123456789abcdef';

describe('an order to a sealed process that spawns', () => {
  const check = (order: unknown) => checkOrder(order, 0);

  for (const order of [
    { number: 0, key: 'web', details: {} },
    { number: 1, key: '', details: { nonce: NONCE } },
    { number: 2, key: 'web', details: { addresses: ['192.0.2.1', '2001:db8::1', 'fe80::1%eth0'] } },
    { number: 3, key: 'web', details: { nonce: NONCE, addresses: Array(64).fill('192.0.2.1') } },
    { number: 3, key: 'web', details: { id: '01234567-89ab-cdef-0123-456789ABCDEF' } },
    { number: 3, key: 'web', details: {}, silent: true },
    { number: 4, group: 2, signal: 'SIGTERM' },
    { number: 5, group: 4_194_304, signal: 'SIGKILL' },
    { number: 6, group: 42, signal: 'SIGSTOP' },
    { number: 7, group: 42, signal: 'SIGCONT' },
    { number: 8, thread: 1, niceness: -10 },
    { number: 9, thread: 42, niceness: 19 },
    { number: 10, neighbour: '192.0.2.1', mac: '02:16:3e:00:00:0F' },
    { number: 11, neighbour: '2001:db8::1', ask: true },
  ]) {
    it(`may be ${JSON.stringify(order).slice(0, 100)}`, () => assert.deepEqual(check(order), order));
  }

  const LAUNCH = { program: '/bin/sh', argv0: 'sh', words: [], cwd: '/' };
  for (const [index, order] of [
    ...[undefined, null, 7, 'x', true, [], {}, [{ number: 1, key: 'web', details: {} }]],
    ...[NaN, -1, 1.5, 2 ** 53, '1', null, [1], { valueOf: 1 }].map((number) => ({ number, key: 'web', details: {} })),
    // What was taken before the seal.
    { number: 1, launch: LAUNCH, details: {} },
    { number: 1, key: 'web', launch: LAUNCH, details: {} },
    { number: 1, inherited: [], launches: [['web', LAUNCH]] },
    { number: 1, adopt: 42, startTime: '7' },
    { number: 1, seal: { uid: 0, gid: 0 } },
    // Two orders in one, or less than one.
    { number: 1, key: 'web' },
    { number: 1, details: {} },
    { number: 1, key: 'web', details: {}, group: 42, signal: 'SIGKILL' },
    { number: 1, key: 'web', details: {}, account: { uid: 0, gid: 0 } },
    JSON.parse('{"number":1,"__proto__":{"key":"web","details":{}}}'),
    JSON.parse('{"number":1,"key":"web","__proto__":{"details":{}}}'),
    { number: 1, key: 'web', silent: true },
    { number: 1, key: 'web', details: {}, silent: false },
    // Values.
    ...[undefined, null, 7, ['web'], {}].map((key) => ({ number: 1, key, details: {} })),
    ...[null, 7, 'x', [7], { env: {} }, { account: {} }, { nonce: NONCE, JITSU_SPAWN: 'x' }].map((details) => ({
      ...{ number: 1, key: 'web', details },
    })),
    ...[null, 7, '', 'x'.repeat(32), `${NONCE}\n`, NONCE.toUpperCase(), `${NONCE}0`, [NONCE]].map((nonce) => ({
      ...{ number: 1, key: 'web', details: { nonce } },
    })),
    ...[
      ...[null, '192.0.2.1', { length: 1, 0: '192.0.2.1' }, ['x'], ['192.0.2.1; rm'], [7], [['192.0.2.1']], ['']],
      ...[Array(65).fill('192.0.2.1'), [`fe80::1%${'x'.repeat(60)}`], ['192.0.2.1\0'], ['192.0.2.1\nA=b']],
    ].map((addresses) => ({ number: 1, key: 'web', details: { addresses } })),
    ...[null, 7, '', NONCE, 'x'.repeat(36), `${'0'.repeat(36)}\n`, '0'.repeat(37), ['0'.repeat(36)]].map((id) => ({
      ...{ number: 1, key: 'web', details: { id } },
    })),
    ...[-1, 0, 1, -42, 1.5, NaN, '42', null, [42]].map((group) => ({ number: 1, group, signal: 'SIGKILL' })),
    ...['SIGINT', 'SIGUSR1', 9, 0, null, 'sigkill', ['SIGKILL'], ''].map((signal) => ({
      ...{ number: 1, group: 42, signal },
    })),
    ...[0, -1, 1.5, '42', null].map((thread) => ({ number: 1, thread, niceness: 0 })),
    ...[null, 7, ['192.0.2.1'], {}].map((neighbour) => ({ number: 1, neighbour, mac: '02:16:3e:00:00:01' })),
    ...[
      ...[null, 7, '', '00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff', '01:00:5e:00:00:01', '33:33:00:00:00:01'],
      ...['02:16:3e:00:00', '02:16:3e:00:00:01\n', '02:16:3e:00:00:0g', ['02:16:3e:00:00:01']],
    ].map((mac) => ({ number: 1, neighbour: '192.0.2.1', mac })),
    ...[false, 1, null].map((ask) => ({ number: 1, neighbour: '192.0.2.1', ask })),
    { number: 1, neighbour: '192.0.2.1', mac: '02:16:3e:00:00:01', ask: true },
    { number: 1, neighbours: ['192.0.2.1'] },
    ...[-11, 20, -20, 0.5, '0', null, Infinity].map((niceness) => ({ number: 1, thread: 42, niceness })),
  ].entries()) {
    it(`may not be ${JSON.stringify(order)?.slice(0, 100) ?? 'undefined'} (${index})`, () => {
      assert.throws(() => check(order), denied);
    });
  }

  it('may raise a thread as far as the system has it', () => {
    const order = { number: 1, thread: 42, niceness: -20 };
    assert.deepEqual(checkOrder(order, -15), order);
    assert.throws(() => checkOrder({ ...order, niceness: -21 }, -15), denied);
    assert.throws(() => checkOrder({ ...order, niceness: -6 }, 5), denied);
  });

  it('is told of by its number where it has one', () => {
    assert.throws(() => check({ number: 7, group: 0, signal: 'SIGKILL' }), { ...denied, number: 7 });
    assert.throws(() => check({ number: '7' }), { ...denied, number: undefined });
    assert.throws(() => checkCount(7, 4), { ...denied, number: 7 });
    checkCount(7, 3);
  });

  it('may be about threads of one process', () => {
    checkThread(7, process.pid, process.pid);
    for (const thread of [1, process.ppid, 2 ** 30]) assert.throws(() => checkThread(7, thread, process.pid), denied);
  });
});

describe('the launches that are known to a sealed process that spawns', () => {
  const user = { uid: 4_711, gid: 4_712 };
  const launch = { program: '/bin/web', argv0: 'web', words: ['-v'], cwd: '/', account: { uid: 1, gid: 2 } };

  it('are found by their keys, with what they inherit', () => {
    const launches = new SealedLaunches();
    launches.list([{ A: 'a' }, { B: 'b' }], [['one', { ...launch, inherited: 1 }]]);
    launches.list(
      [{ C: 'c' }],
      [
        ['two', { ...launch, inherited: 2, env: { HOME: '/web' } }],
        ['three', launch],
      ],
    );
    assert.deepEqual(launches.find(7, 'one', user), { ...launch, inherited: { B: 'b' } });
    assert.deepEqual(launches.find(7, 'two', user), { ...launch, inherited: { C: 'c' }, env: { HOME: '/web' } });
    assert.deepEqual(launches.find(7, 'three', user), { ...launch, inherited: undefined });
    for (const key of ['', 'four', '__proto__', 'constructor']) {
      assert.throws(() => launches.find(7, key, user), { ...denied, number: 7 });
    }
  });

  it('run as the user that Jitsu has become where it is Jitsu who runs them, without what belonged to root', () => {
    const launches = new SealedLaunches();
    const env = { HOME: '/root', USER: 'root', LOGNAME: 'root', SHELL: '/bin/sh', TMPDIR: '/tmp/root', PATH: '/bin' };
    launches.list([], [['one', { ...launch, account: 'jitsu', env }]]);
    launches.list([], [['two', { ...launch, account: 'jitsu' }]]);
    assert.deepEqual(launches.find(7, 'one', user).env, { PATH: '/bin' });
    for (const key of ['one', 'two']) assert.deepEqual(launches.find(7, key, user).account, user);
  });
});
