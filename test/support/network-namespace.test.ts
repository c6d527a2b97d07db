import assert from 'node:assert/strict';
import { NetworkNamespace } from './network-namespace.js';

describe('a network namespace for tests', () => {
  let namespace: NetworkNamespace;
  const open: NetworkNamespace[] = [];

  const create = async (context: Mocha.Context): Promise<NetworkNamespace> => {
    const created = await NetworkNamespace.create(context);
    open.push(created);
    return created;
  };

  before(async function () {
    namespace = await create(this);
  });

  after(async () => {
    for (const each of open) await each[Symbol.asyncDispose]();
  });

  it('has a loopback network and no other', async () => {
    const links = (await namespace.run('ip', '-o', 'link')).trim().split('\n');
    assert.equal(links.length, 1);
    assert.match(links[0] ?? '', /^1: lo: <LOOPBACK,UP/);
  });

  it('shows programs a resolv.conf of its own, also when it changes', async () => {
    await namespace.writeResolvConf('nameserver 127.0.0.2\n');
    assert.equal(await namespace.run('cat', '/etc/resolv.conf'), 'nameserver 127.0.0.2\n');
    await namespace.writeResolvConf('nameserver 127.0.0.3\n');
    assert.equal(await namespace.run('cat', '/etc/resolv.conf'), 'nameserver 127.0.0.3\n');
  });

  it('takes the programs that run in it with it', async function () {
    const other = await create(this);
    const program = other.spawn('sleep', ['600']);
    const ended = new Promise((resolve) => program.once('exit', (_status, signal) => resolve(signal)));
    while (!(await other.run('ip', 'netns', 'pids', other.name)).includes(String(program.pid))) continue;
    await other[Symbol.asyncDispose]();
    assert.equal(await ended, 'SIGKILL');
  });
});
