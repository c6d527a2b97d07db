import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { nodeFlags } from '../support/node-flags.js';
import { RunningJitsu } from '../support/running-jitsu.js';
import { TemporaryFolder } from '../support/temporary-folder.js';

const PROGRAM = fileURLToPath(new URL('../support/listening-program.js', import.meta.url));

/** How long the program takes until it accepts. */
const SLOW = 3_000;

/** A unikernel whose program is started with its socket, and takes its time. */
function aSlowListener(more: object = {}): Record<string, unknown> & { readonly ip: string } {
  const command = [process.execPath, ...nodeFlags, PROGRAM, `slow=${SLOW}`];
  const { habits: _, ...unikernel } = RunningJitsu.aUnikernel('web', [], { ready: 'tcp:8080', ...more });
  return { ...unikernel, ip: String(unikernel['ip']), command, listen: 'tcp:8080=http' };
}

/** What a client is told until the end of its connection: the pid, where all is well. */
async function visit(ip: string): Promise<number> {
  const client = connect(8080, ip).setEncoding('utf8');
  let said = '';
  client.on('data', (text: string) => (said += text));
  await once(client, 'close');
  assert.match(said, /^\d+ http 127\.0\.0\.1$/);
  return Number(said.split(' ')[0]);
}

async function timed<T>(action: Promise<T>): Promise<[T, number]> {
  const began = performance.now();
  return [await action, performance.now() - began];
}

describe('an answer at once, by the real Jitsu', function () {
  this.timeout(180_000);

  it('comes long before the program is ready, which its client waits for by its connection', async () => {
    const web = aSlowListener({ wake: { answer: 'at-once' } });
    await using jitsu = new RunningJitsu([web]);
    await jitsu.start();
    const [{ addresses }, took] = await timed(jitsu.ask('web.test'));
    assert.deepEqual(addresses, [web.ip]);
    assert.ok(took < SLOW, `${took} ms`);
    const [pid] = await timed(visit(web.ip));
    assert.equal((await jitsu.status('web')).domainId, pid);
    const summoned = (await jitsu.control.history({ unikernel: 'web' })).filter(({ kind }) => kind === 'summoning');
    assert.deepEqual(
      summoned.map(({ cause }) => cause?.kind),
      ['query'],
      'the question has booted it',
    );
  });

  it('boots nothing where only a connection does', async () => {
    const web = aSlowListener();
    await using jitsu = new RunningJitsu([web], { wake: { on: 'connection' } });
    await jitsu.start();
    for (let time = 0; time < 20; time += 1) assert.deepEqual((await jitsu.ask('web.test')).addresses, [web.ip]);
    await sleep(200);
    const { state, totalStarts, answersAtOnce, names } = await jitsu.status('web');
    assert.deepEqual([state, totalStarts, answersAtOnce], ['off', 0, true]);
    assert.equal(names[0]?.requests, 20, 'also those that were answered without asking');
    const pid = await visit(web.ip);
    const { domainId, totalStarts: starts } = await jitsu.status('web');
    assert.deepEqual([domainId, starts], [pid, 1]);
    await jitsu.control.stop('web');
    assert.deepEqual((await jitsu.ask('web.test')).addresses, [web.ip]);
    assert.equal((await jitsu.status('web')).state, 'off');
  });

  it('goes to a question that may be forged, which boots nothing; a connection, whose handshake is a proof, does', async () => {
    const web = aSlowListener({ wake: { answer: 'at-once' } });
    await using jitsu = new RunningJitsu([web], { wake: { proof: 'cookie-or-tcp' } });
    await jitsu.start();
    assert.deepEqual((await jitsu.ask('web.test')).addresses, [web.ip]);
    await sleep(200);
    assert.equal((await jitsu.status('web')).totalStarts, 0);
    const pid = await visit(web.ip);
    assert.equal((await jitsu.status('web')).domainId, pid);
  });

  it('is refused by a start where nothing would hold a connection', async () => {
    const { listen: _, ...web } = aSlowListener({ wake: { answer: 'at-once' } });
    await using jitsu = new RunningJitsu([web]);
    await assert.rejects(
      jitsu.start(),
      /wake\.answer \(web, line 1\): 'at-once'\. Nothing here would hold the first packets/,
    );
  });
});

describe('jitsu keep, by the real Jitsu', function () {
  this.timeout(180_000);

  it('outlives twice the TTL, and a kill -9 where state is kept, and ends when it is told to', async () => {
    using folder = new TemporaryFolder();
    const web = RunningJitsu.aUnikernel('web', [], { ttl: 1, stopPolicies: 'ttl' });
    await using jitsu = new RunningJitsu([web], { state: { path: folder.in('state') } });
    await jitsu.start();
    const pid = await jitsu.visit('web.test');
    const { isStored, keptUntil = 0 } = await jitsu.control.keep('web', { for: '1h' });
    assert.deepEqual([isStored, keptUntil > Date.now() + 3_500_000], [true, true]);
    // A crash loses at most a second of what is counted.
    await sleep(2_500);
    await jitsu.end('SIGKILL');
    await jitsu.start();
    await sleep(3_000);
    const status = await jitsu.status('web');
    assert.deepEqual([status.domainId, status.keptBy, status.keptUntil], [pid, 'jitsu keep', keptUntil]);
    await jitsu.control.keep('web', { for: '0' });
    const before = Date.now();
    while ((await jitsu.status('web')).state !== 'off' && Date.now() < before + 60_000) await sleep(50);
    assert.equal((await jitsu.status('web')).state, 'off');
    const kept = (await jitsu.control.history({ unikernel: 'web' })).filter(({ kind }) => kind === 'kept');
    assert.equal(kept.length, 2);
  });

  it('is not needed as long as a command keeps it', async () => {
    using folder = new TemporaryFolder();
    const busy = folder.in('busy');
    const web = RunningJitsu.aUnikernel('web', [], {
      ttl: 1,
      stopPolicies: 'ttl',
      keepWhile: ['exec:sh', '-c', `test ! -e ${busy}`],
    });
    await using jitsu = new RunningJitsu([web]);
    await jitsu.start();
    const pid = await jitsu.visit('web.test');
    await sleep(3_500);
    const { domainId, keptBy } = await jitsu.status('web');
    assert.deepEqual([domainId, keptBy], [pid, `its command "exec:sh -c test ! -e ${busy}"`]);
  });
});
