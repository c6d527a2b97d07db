import assert from 'node:assert/strict';
import { AccessControl } from '#core/dns/admission/access-control.js';
import { KnockGuard } from '#core/dns/admission/knock-guard.js';
import { WakeGuard } from '#core/dns/admission/wake-guard.js';
import type { WakeSettings } from '#core/config/settings.js';
import type { StopOpinion } from '#core/contracts/stop-policy.js';
import type { UnikernelPlan } from '#core/lifecycle/unikernel.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { dnsSettings } from '../../support/dns-settings.js';
import { HandProbe, Life } from '../../support/life.js';
import { MemoryDoorman } from '../../support/memory-doorman.js';
import { MemoryLogger } from '../../support/memory-logger.js';
import { wakeSettings } from '../../support/wake-settings.js';

const ON_CONNECTION = { answersAtOnce: true, wakesOn: 'connection' } as const satisfies Partial<UnikernelPlan>;
const NEAR = '10.0.0.1';
const FAR = '198.51.100.7';

function rules(wake: Partial<WakeSettings> = {}): KnockGuard {
  const settings = wakeSettings({ trusted: ['10.0.0.0/8'], ...wake });
  const clock = new ManualClock();
  const access = new AccessControl(dnsSettings(), settings, { clock, logger: new MemoryLogger() });
  return new KnockGuard(settings, access, new WakeGuard(settings, access, clock), clock);
}

describe('an answer for one whose first packets are held', () => {
  it('holds while it is down, boots and runs, and ends before a stop', async () => {
    const doorman = new MemoryDoorman();
    using life = new Life({}, { doormen: [doorman] });
    const [web] = await life.with({ name: 'web', ...ON_CONNECTION, probes: [new HandProbe()] });
    await life.clock.advance(0);
    assert.deepEqual([web!.state, life.lifecycle.isHeld(web!)], ['off', true]);
    assert.equal(life.lifecycle.status(web!).answersAtOnce, true);
    const lease = life.lease(web!);
    const packet = doorman.send('web');
    await life.clock.advance(1_000);
    assert.deepEqual([web!.phase, lease.holds], ['probing', true]);
    (web!.plan.probes[0] as HandProbe).answer();
    await life.clock.advance(0);
    assert.deepEqual([web!.ready, packet.outcome, lease.holds], [true, 'delivered', true]);
    let phase: string | undefined;
    lease.onEnd(() => (phase = web!.phase));
    await life.clock.advance(20_000);
    assert.deepEqual([web!.state, lease.holds, phase], ['off', false, 'withdrawn']);
    assert.equal(life.lease(web!).holds, true, 'and there is another once it is armed');
  });

  it('ends at once when its doorman can hold nothing any more, and begins again when it can', async () => {
    const doorman = new MemoryDoorman();
    using life = new Life({}, { doormen: [doorman] });
    const [web] = await life.with({ name: 'web', ...ON_CONNECTION });
    await life.clock.advance(0);
    const lease = life.lease(web!);
    doorman.lose('the gate has ended');
    assert.deepEqual([lease.holds, life.lifecycle.isHeld(web!)], [false, false]);
    assert.equal(life.lifecycle.status(web!).answersAtOnce, false);
    assert.throws(() => life.lease(web!));
    doorman.lose(undefined);
    assert.equal(life.lease(web!).holds, true);
  });

  it('is none where only a question would boot it, or where it could not be armed', async () => {
    const doorman = new MemoryDoorman();
    using life = new Life({}, { doormen: [doorman] });
    const [asked] = await life.with({ name: 'asked', answersAtOnce: true, wakesOn: 'query' });
    await life.clock.advance(0);
    assert.equal(life.lifecycle.isHeld(asked!), true);
    assert.throws(() => life.lease(asked!));
    const broken = new MemoryDoorman();
    broken.beforeArming = () => Promise.reject(new Error('no table'));
    using other = new Life({}, { doormen: [broken] });
    const [web] = await other.with({ name: 'web', ...ON_CONNECTION });
    await other.clock.advance(0);
    assert.equal(other.lifecycle.isHeld(web!), false);
    assert.throws(() => other.lease(web!));
  });

  it('is none where its address may be another once it runs', async () => {
    using life = new Life({}, { doormen: [new MemoryDoorman()] });
    const [web] = await life.with({ name: 'web', ...ON_CONNECTION, addresses: [], findsAddresses: true });
    await life.clock.advance(0);
    assert.equal(life.lifecycle.isHeld(web!), false);
  });
});

describe('a knock', () => {
  it('from outside the trusted networks boots nothing, and waits with those that do', async () => {
    const doorman = new MemoryDoorman();
    using life = new Life({}, { doormen: [doorman], knockRules: rules() });
    const [web] = await life.with({ name: 'web', probes: [new HandProbe()] });
    await life.clock.advance(0);
    assert.equal(doorman.send('web', { from: FAR }).outcome, 'refused');
    assert.equal(web!.phase, 'down');
    assert.equal(doorman.send('web', { from: NEAR }).outcome, 'waits');
    assert.equal(doorman.send('web', { from: FAR }).outcome, 'waits');
    await life.clock.advance(0);
    const { cause } = life.events[0]!;
    assert.deepEqual(cause, { kind: 'knock', protocol: 'tcp', port: 80, from: NEAR });
  });

  it('is charged once it has caused a boot, and not where it is refused for a failure before', async () => {
    const doorman = new MemoryDoorman();
    using life = new Life({}, { doormen: [doorman], knockRules: rules({ knocks: { unproven: 1 } }) });
    await life.with({ name: 'a', probes: [new HandProbe()], deadline: 1_000 }, { name: 'b' });
    await life.clock.advance(0);
    life.backend.failNext('start', new Error('no memory'));
    assert.equal(doorman.send('a', { from: FAR }).outcome, 'waits');
    await life.clock.advance(0);
    assert.equal(doorman.send('a', { from: FAR }).outcome, 'refused', 'it is left alone for now');
    assert.equal(doorman.send('b', { from: FAR }).outcome, 'dropped', 'and the minute is spent');
  });

  it('that may be forged keeps nothing running, though its stop is not decided yet', async () => {
    const doorman = new MemoryDoorman();
    let arm: (() => void) | undefined;
    using life = new Life({}, { doormen: [doorman], knockRules: rules() });
    const end = life.clock.now() + 1_000;
    const opinionOn = (_: unknown, now: number): StopOpinion => (now < end ? { keepUntil: end } : { stop: 'idle' });
    const [web] = await life.with({ name: 'web', stopPolicies: [{ opinionOn }] });
    await life.clock.advance(0);
    await life.summon(web!);
    await life.clock.advance(0);
    doorman.beforeArming = () => new Promise((resolve) => (arm = resolve));
    await life.clock.advance(1_000);
    assert.equal(web!.phase, 'withdrawn');
    // As one that is armed by then would ask.
    const far = { unikernel: 'web', protocol: 'tcp', port: 80, from: FAR } as const;
    assert.equal(life.lifecycle.knock(web!, far), 'drop');
    assert.equal(web!.phase, 'withdrawn');
    doorman.beforeArming = async () => undefined;
    arm?.();
    await life.clock.advance(0);
    assert.equal(web!.state, 'off');
  });

  it('whose boot a command stops is left to try again, as after any such stop', async () => {
    const doorman = new MemoryDoorman();
    using life = new Life({}, { doormen: [doorman], knockRules: rules() });
    const [web] = await life.with({ name: 'web', probes: [new HandProbe()] });
    await life.clock.advance(0);
    const packet = doorman.send('web', { from: NEAR });
    await life.clock.advance(1_000);
    assert.equal(web!.phase, 'probing');
    await life.stop(web!);
    await life.clock.advance(0);
    assert.equal(packet.outcome, 'dropped');
    assert.equal(doorman.send('web', { from: NEAR }).outcome, 'waits');
  });
});
