import assert from 'node:assert/strict';
import type { Exit } from '#core/contracts/spawner.js';
import { KeepCommand } from '#core/lifecycle/keep-command.js';
import type { UnikernelCommand } from '#core/plugin-kit/unikernel-command.js';
import { Life } from '../../support/life.js';

/** A command whose next ends are in the hands of a test: a status, or a failure. */
class HandCommand {
  readonly words = ['in-use', 'web'];
  /** When it was run, by the clock. */
  readonly runs: number[] = [];
  answer: () => number | Error | Promise<number> = () => 0;

  constructor(private readonly now: () => number) {}

  async run(): Promise<Exit> {
    this.runs.push(this.now());
    const answer = await this.answer();
    if (answer instanceof Error) throw answer;
    return { status: answer };
  }
}

function commandOf(life: Life): { command: HandCommand; keepWhile: KeepCommand } {
  const command = new HandCommand(() => life.clock.now());
  return { command, keepWhile: new KeepCommand(command as unknown as UnikernelCommand) };
}

describe('a unikernel that is kept by a command', () => {
  it('is asked about only when all else would stop it, each minute, and is stopped when it says so', async () => {
    using life = new Life();
    const { command, keepWhile } = commandOf(life);
    const [web] = await life.with({ name: 'web', keepWhile });
    await life.summon(web!);
    const since = life.clock.now();
    await life.clock.advance(19_999);
    assert.deepEqual(command.runs, []);
    await life.clock.advance(1);
    assert.deepEqual(command.runs, [since + 20_000]);
    assert.equal(web!.ready, true);
    assert.deepEqual(life.lifecycle.status(web!).keptBy, 'its command "exec:in-use web"');
    assert.equal(life.stopAt(web!), undefined);
    await life.clock.advance(120_000);
    assert.equal(command.runs.length, 3);
    command.answer = () => 1;
    await life.clock.advance(60_000);
    assert.equal(web!.state, 'off');
    assert.equal(life.story().includes('unready'), false);
    const kept = life.events.filter(({ kind }) => kind === 'kept');
    assert.deepEqual(
      kept.map(({ reason }) => reason),
      ['by its command "exec:in-use web"'],
      'told once in a run',
    );
    command.answer = () => 0;
    await life.summon(web!);
    await life.clock.advance(100_000);
    assert.equal(life.story().filter((kind) => kind === 'kept').length, 2);
  });

  it('gives its answers all the while, and is not stopped for a query that comes while the command runs', async () => {
    using life = new Life();
    const { command, keepWhile } = commandOf(life);
    let end = (_status: number): void => undefined;
    command.answer = () => new Promise<number>((resolve) => (end = resolve));
    const [web] = await life.with({ name: 'web', keepWhile });
    await life.summon(web!);
    const lease = life.lease(web!);
    await life.clock.advance(20_000);
    assert.equal(command.runs.length, 1);
    assert.equal(lease.holds, true);
    life.ask(web!);
    end(1);
    await life.clock.advance(0);
    assert.deepEqual([web!.ready, lease.holds], [true, true]);
    await life.clock.advance(20_000);
    end(1);
    await life.clock.advance(0);
    assert.equal(web!.state, 'off');
  });

  it('is kept where it cannot be asked about, which is told once, and again after it could', async () => {
    using life = new Life();
    const { command, keepWhile } = commandOf(life);
    command.answer = () => new Error('no such command');
    const [web] = await life.with({ name: 'web', keepWhile });
    await life.summon(web!);
    await life.clock.advance(200_000);
    assert.equal(web!.ready, true);
    const told =
      'web is kept, since its command "exec:in-use web" (keepWhile) cannot say whether it may be stopped: no such command';
    assert.deepEqual(life.doubts, [told]);
    assert.equal(
      life.lifecycle.status(web!).keptBy,
      'its command "exec:in-use web", which says nothing: no such command',
    );
    command.answer = () => 0;
    await life.clock.advance(60_000);
    command.answer = () => new Error('no such command');
    await life.clock.advance(60_000);
    assert.deepEqual(life.doubts, [told, told]);
  });

  it('is stopped by a command of people all the same, and its own is not asked then', async () => {
    using life = new Life();
    const { command, keepWhile } = commandOf(life);
    const [web] = await life.with({ name: 'web', keepWhile });
    await life.summon(web!);
    await life.stop(web!);
    assert.deepEqual([web!.state, command.runs.length], ['off', 0]);
  });

  it('keeps its whole group, also where another one of it is considered first', async () => {
    using life = new Life();
    const { command, keepWhile } = commandOf(life);
    const [web, db] = await life.with({ name: 'web', group: 'shop' }, { name: 'db', group: 'shop', keepWhile });
    await life.summon(web!);
    await life.clock.advance(200_000);
    assert.deepEqual([web!.ready, db!.ready], [true, true]);
    assert.equal(life.lifecycle.status(web!).keptBy, 'db, which is of its group');
    command.answer = () => 1;
    await life.clock.advance(80_000);
    assert.deepEqual([web!.state, db!.state], ['off', 'off']);
  });

  it('is left alone where it was stopped while the command ran', async () => {
    using life = new Life();
    const { command, keepWhile } = commandOf(life);
    let end = (_status: number): void => undefined;
    command.answer = () => new Promise<number>((resolve) => (end = resolve));
    const [web] = await life.with({ name: 'web', keepWhile });
    await life.summon(web!);
    await life.clock.advance(20_000);
    await life.stop(web!);
    end(0);
    await life.clock.advance(1_000);
    assert.equal(web!.state, 'off');
    assert.equal(life.clock.pending, 0);
  });
});
