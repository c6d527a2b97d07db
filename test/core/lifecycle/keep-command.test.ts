import assert from 'node:assert/strict';
import { KeepCommand } from '#core/lifecycle/keep-command.js';
import { SystemClock } from '#core/clock.js';
import { UnikernelCommand } from '#core/plugin-kit/unikernel-command.js';
import { SealableSpawner } from '#core/plugin-kit/sealable-spawner.js';
import { eventually } from '#core/testing/eventually.js';
import { ManualClock } from '#core/testing/manual-clock.js';

const target = { name: 'web', id: 'id-of-web', addresses: ['192.0.2.1'] };
const never = new AbortController().signal;

describe('the command by which a unikernel is kept', () => {
  let spawner: SealableSpawner;

  before(() => (spawner = new SealableSpawner()));

  after(() => spawner.close());

  function command(words: readonly string[], clock = new SystemClock()): KeepCommand {
    const made = new KeepCommand(new UnikernelCommand('keep-while', words, clock, spawner));
    made.allow(target);
    return made;
  }

  it('keeps it by status 0, and no longer by any other, and is told whom it is about', async () => {
    const script = 'test "$JITSU_NAME $JITSU_ID $JITSU_ADDRESSES" = "web id-of-web 192.0.2.1"';
    assert.deepEqual(await command(['sh', '-c', script]).ask(target, never), { keep: true });
    for (const status of [1, 3, 127]) {
      assert.deepEqual(await command(['sh', '-c', `exit ${status}`]).ask(target, never), { keep: false });
    }
  });

  it('keeps it where it cannot be run, or is killed, and says so', async () => {
    const missing = await command(['/no/such/command']).ask(target, never);
    assert.equal(missing.keep, true);
    assert.match(missing.problem ?? '', /^the program \/no\/such\/command, or what runs it, does not exist$/);
    const killed = await command(['sh', '-c', 'kill -9 $$']).ask(target, never);
    assert.deepEqual(killed, { keep: true, problem: 'it did not end by itself within 30 s' });
  });

  it('is ended after 30 s, and keeps it then', async () => {
    const clock = new ManualClock();
    const asked = command(['sleep', '1000'], clock as unknown as SystemClock).ask(target, never);
    await eventually(() => assert.equal(clock.pending, 1));
    await clock.advance(30_000);
    assert.deepEqual(await asked, { keep: true, problem: 'it did not end by itself within 30 s' });
    assert.equal(clock.pending, 0);
  });

  it('is ended when nobody wants to know any more', async () => {
    const controller = new AbortController();
    const asked = command(['sleep', '1000']).ask(target, controller.signal);
    controller.abort();
    assert.equal((await asked).keep, true);
  });

  it('has the words of the configuration', () => assert.equal(command(['in-use', 'web']).words, 'exec:in-use web'));
});
