import assert from 'node:assert/strict';
import { JitsuError } from '#core/errors.js';
import { rejectsWithCode } from '#core/testing/rejects-with-code.js';
import { HandProbe, Life } from '../../support/life.js';

describe('the stopper', () => {
  it('destroys a guest that ignores its shutdown, after the grace time', async () => {
    using life = new Life();
    await life.backend.connect();
    const id = await life.backend.register({ name: 'deaf', options: { name: 'deaf', stubborn: true } });
    const [deaf] = await life.with({ name: 'deaf', id, stopMode: 'shutdown' });
    await life.summon(deaf!);
    const stopped = life.stop(deaf!, 'enough');
    await life.clock.advance(4_999);
    assert.equal(deaf!.state, 'running');
    await life.clock.advance(1);
    await stopped;
    assert.equal(deaf!.state, 'off');
    assert.deepEqual(
      life.backend.calls.filter((call) => call.startsWith('stop')),
      ['stop deaf shutdown', 'stop deaf destroy'],
    );
  });

  it('waits for the destroy after the grace time', async () => {
    using life = new Life();
    await life.backend.connect();
    const id = await life.backend.register({ name: 'deaf', options: { name: 'deaf', stubborn: true } });
    const [deaf] = await life.with({ name: 'deaf', id, stopMode: 'shutdown' });
    await life.summon(deaf!);
    life.backend.latency.stop = 500;
    let stopped = false;
    const stop = life.stop(deaf!, 'enough').then(() => (stopped = true));
    await life.clock.advance(5_499);
    assert.deepEqual([stopped, life.story().at(-1), life.calls('stop').length], [false, 'stopping', 2]);
    await life.clock.advance(1);
    await stop;
    assert.deepEqual([deaf!.state, life.story().at(-1), life.events.at(-1)?.duration], ['off', 'stopped', 5_500]);
  });

  it('rejects when the destroy after the grace time fails', async () => {
    using life = new Life();
    await life.backend.connect();
    const id = await life.backend.register({ name: 'deaf', options: { name: 'deaf', stubborn: true } });
    const [deaf] = await life.with({ name: 'deaf', id, stopMode: 'shutdown' });
    await life.summon(deaf!);
    life.backend.failNext('stop', new JitsuError('JITSU_BACKEND_FAILED', 'it is being migrated'));
    const failed = rejectsWithCode(life.stop(deaf!, 'enough'), 'JITSU_BACKEND_FAILED');
    await life.clock.advance(5_000);
    assert.match((await failed).message, /it is being migrated/);
    assert.deepEqual([deaf!.state, life.story().at(-1)], ['running', 'stop-failed']);
  });

  it('says how the machine is when it has stopped, also where the backend cannot be watched', async () => {
    using life = new Life();
    Object.assign(life.backend, { watch: undefined });
    const [web] = await life.with({ name: 'web', stopMode: 'suspend' });
    await life.summon(web!);
    await life.stop(web!, 'enough');
    const { kind, state } = life.events.at(-1)!;
    assert.deepEqual([kind, state, web!.state], ['stopped', 'suspended', 'suspended']);
  });

  it('never turns a suspend into a destroy, however long it takes', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web', stopMode: 'suspend' });
    await life.summon(web!);
    life.backend.latency.stop = 600_000;
    const stopped = life.stop(web!, 'enough');
    await life.clock.advance(600_000);
    await stopped;
    assert.equal(web!.state, 'suspended');
    assert.ok(!life.backend.calls.includes('stop web destroy'));
  });

  it('tells whoever waits for a boot that it was stopped by command', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web', probes: [new HandProbe()] });
    const failed = rejectsWithCode(life.summon(web!), 'JITSU_STOPPED_BY_COMMAND');
    await life.clock.advance(10);
    await life.stop(web!, 'by command');
    await failed;
    assert.equal(web!.state, 'off');
    assert.equal(web!.failure, undefined);
  });

  it('rejects when the backend cannot stop it, and says so in an event', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    await life.summon(web!);
    life.backend.failNext('stop', new JitsuError('JITSU_BACKEND_FAILED', 'it is being migrated'));
    await rejectsWithCode(life.stop(web!, 'by command'), 'JITSU_BACKEND_FAILED');
    assert.equal(life.events.at(-1)?.kind, 'stop-failed');
    assert.equal(life.events.at(-1)?.reason, 'it is being migrated');
    assert.deepEqual([web!.stops, web!.phase], [undefined, 'running']);
  });

  it('has nothing to do for one that is off', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    await life.stop(web!, 'by command');
    assert.deepEqual(life.story(), []);
  });

  it('stops once for two who want that at once, and tells both when it is down', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    await life.summon(web!);
    life.backend.latency.stop = 500;
    const states: string[] = [];
    const both = Promise.all([1, 2].map(() => life.stop(web!).then(() => states.push(web!.state))));
    await life.clock.advance(499);
    assert.deepEqual([states, life.calls('stop')], [[], ['stop web destroy']]);
    await life.clock.advance(1);
    await both;
    assert.deepEqual([states, life.calls('stop')], [['off', 'off'], ['stop web destroy']]);
    assert.deepEqual(life.story().slice(3), ['stopping', 'stopped']);
  });

  it('goes on with a second stop in another mode when the first is over, and a summon waits for both', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    await life.summon(web!);
    life.backend.latency.stop = 500;
    const suspended = life.stop(web!, 'by command', 'suspend');
    const destroyed = life.stop(web!, 'by command', 'destroy');
    await life.clock.advance(500);
    await suspended;
    assert.equal(web!.state, 'suspended');
    const summon = life.summon(web!);
    await life.clock.advance(499);
    assert.deepEqual([web!.state, life.calls('resume')], ['suspended', []]);
    await life.clock.advance(1);
    await Promise.all([destroyed, summon]);
    assert.deepEqual(life.calls('stop'), ['stop web suspend', 'stop web destroy']);
    assert.deepEqual([web!.state, web!.ready, life.calls('resume')], ['running', true, []]);
  });

  it('begins only when whoever waited for the boot has been told', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web', probes: [new HandProbe()] });
    const failed = rejectsWithCode(life.summon(web!), 'JITSU_STOPPED_BY_COMMAND');
    await life.clock.advance(10);
    await life.stop(web!);
    await failed;
    assert.deepEqual(life.story(), ['summoning', 'started', 'failed', 'stopping', 'stopped']);
  });

  it('takes the answers back before it waits for anything, and keeps none where the stop fails', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    await life.summon(web!);
    life.backend.failNext('stop', new JitsuError('JITSU_BACKEND_FAILED', 'busy'));
    const failed = rejectsWithCode(life.stop(web!), 'JITSU_BACKEND_FAILED');
    assert.equal(web!.ready, false);
    await failed;
    assert.deepEqual([web!.state, web!.ready], ['running', false]);
    await life.summon(web!);
    assert.deepEqual([web!.ready, life.calls('start').length], [true, 1]);
  });

  it('fails, says so and tries again when the machine runs on although its backend says that it was destroyed', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    await life.summon(web!);
    const stop = life.backend.stop.bind(life.backend);
    life.backend.stop = async () => undefined;
    const failed = rejectsWithCode(life.stop(web!), 'JITSU_BACKEND_FAILED');
    await life.clock.advance(60_000);
    assert.match((await failed).message, /web still runs/);
    assert.equal(life.story().at(-1), 'stop-failed');
    assert.deepEqual([web!.stops, web!.phase], [undefined, 'running']);
    life.backend.stop = stop;
    await life.clock.advance(10_000);
    assert.equal(web!.state, 'off');
  });

  it('does not wait for ever for a start that hangs, and adopts what that brings up all the same', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    life.backend.latency.start = 300_000;
    const failed = rejectsWithCode(life.summon(web!), 'JITSU_STOPPED_BY_COMMAND');
    await life.clock.advance(1_000);
    let stopped = false;
    const stop = life.stop(web!).then(() => (stopped = true));
    await failed;
    await life.clock.advance(59_999);
    assert.deepEqual([stopped, life.calls('stop')], [false, []]);
    await life.clock.advance(1);
    await stop;
    assert.deepEqual([life.calls('stop'), web!.starting, web!.stops], [['stop web destroy'], false, undefined]);
    await life.clock.advance(239_000);
    assert.deepEqual([web!.state, web!.totalStarts, life.story().at(-1)], ['running', 1, 'adopted']);
    await life.clock.advance(20_000);
    assert.equal(web!.state, 'off');
  });

  it('does not wait for ever for the look at a machine that was started', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web' });
    life.backend.latency.start = 30_000;
    const start = life.backend.start.bind(life.backend);
    life.backend.start = async (id) => {
      await start(id);
      life.holdNextLook();
    };
    const failed = rejectsWithCode(life.summon(web!), 'JITSU_STOPPED_BY_COMMAND');
    await life.clock.advance(0);
    let stopped = false;
    void life.stop(web!).then(() => (stopped = true));
    await failed;
    await life.clock.advance(59_999);
    assert.deepEqual([stopped, life.calls('stop')], [false, []]);
    await life.clock.advance(1);
    assert.deepEqual([stopped, web!.state, life.calls('stop')], [true, 'off', ['stop web destroy']]);
  });

  it('destroys a guest after the grace time, also where a look at it does not come back', async () => {
    using life = new Life();
    const [web] = await life.with({ name: 'web', stopMode: 'shutdown' });
    await life.summon(web!);
    const stop = life.backend.stop.bind(life.backend);
    life.backend.stop = async (id, mode, signal) => {
      if (mode !== 'shutdown') return stop(id, mode, signal);
      life.holdNextLook();
    };
    const stopped = life.stop(web!);
    await life.clock.advance(4_999);
    assert.deepEqual(life.calls('stop'), []);
    await life.clock.advance(1);
    assert.deepEqual([web!.state, life.calls('stop')], ['off', ['stop web destroy']]);
    await stopped;
  });
});
