import assert from 'node:assert/strict';
import type { KnockVerdict } from '#core/contracts/doorman.js';
import { HandProbe, Life } from '../../support/life.js';
import { MemoryDoorman } from '../../support/memory-doorman.js';
import { tellFigure } from '../../support/tell-figure.js';

describe('knocks', () => {
  it('are refused when a boot has failed, and at once while it is left alone', async () => {
    const doorman = new MemoryDoorman();
    using life = new Life({}, { doormen: [doorman] });
    const [web] = await life.with({ name: 'web' });
    await life.clock.advance(0);
    life.backend.latency.start = 100;
    life.backend.failNext('start', new Error('no memory'));
    const packet = doorman.send('web');
    assert.equal(packet.outcome, 'waits');
    await life.clock.advance(100);
    assert.deepEqual([packet.outcome, web!.phase], ['refused', 'failing']);
    const next = doorman.send('web', { from: '192.0.2.8' });
    assert.equal(next.outcome, 'refused');
    assert.deepEqual([...doorman.armed], [['web', 'refuse']]);
    await life.clock.advance(1_000);
    const last = doorman.send('web');
    await life.clock.advance(100);
    assert.deepEqual([last.outcome, web!.ready], ['delivered', true]);
  });

  it('are never refused while the boot queue is full: a client tries again', async () => {
    const doorman = new MemoryDoorman();
    using life = new Life({ limit: 1, queue: 1 }, { doormen: [doorman] });
    const all = await life.with({ name: 'one' }, { name: 'two' }, { name: 'three' });
    await life.clock.advance(0);
    life.backend.latency.start = 300;
    const packets = all.map(({ name }) => doorman.send(name));
    await life.clock.advance(0);
    assert.deepEqual(
      packets.map(({ outcome }) => outcome),
      ['waits', 'waits', 'dropped'],
    );
    await life.clock.advance(1_000);
    const again = doorman.send('three');
    await life.clock.advance(300);
    assert.deepEqual(
      [packets[0]!.outcome, packets[1]!.outcome, again.outcome],
      ['delivered', 'delivered', 'delivered'],
    );
  });

  it('are treated as the rules say, which are asked with the number of boots', async () => {
    const doorman = new MemoryDoorman();
    const asked: unknown[] = [];
    let verdict: KnockVerdict = 'refuse';
    const knockRules = {
      verdict: ({ from }: { from: string }, boots: number): KnockVerdict => (asked.push([from, boots]), verdict),
      spend: ({ from }: { from: string }, boots: number) => void asked.push(['spent', from, boots]),
    };
    using life = new Life({}, { doormen: [doorman], knockRules });
    const [web] = await life.with({ name: 'web', probes: [new HandProbe()] });
    await life.clock.advance(0);
    assert.equal(doorman.send('web').outcome, 'refused');
    verdict = 'drop';
    assert.equal(doorman.send('web').outcome, 'dropped');
    assert.equal(web!.phase, 'down');
    verdict = 'hold';
    assert.equal(doorman.send('web').outcome, 'waits');
    assert.equal(doorman.send('web', { from: '192.0.2.8' }).outcome, 'waits');
    assert.deepEqual(asked, [
      ['192.0.2.99', 1],
      ['192.0.2.99', 1],
      ['192.0.2.99', 1],
      ['spent', '192.0.2.99', 1],
      ['192.0.2.8', 0],
    ]);
  });

  it('take less than a millisecond each', async () => {
    const doorman = new MemoryDoorman();
    using life = new Life({ limit: 1_000 }, { doormen: [doorman] });
    const all = await life.with(...Array.from({ length: 1_000 }, (_, index) => ({ name: `web${index}` })));
    await life.clock.advance(0);
    const before = process.cpuUsage();
    const packets = all.map(({ name }) => doorman.send(name));
    const took = millisecondsSince(before) / all.length;
    tellFigure(`a knock is taken in ${(took * 1_000).toFixed(0)} µs`);
    assert.ok(took < 1, `${took} ms`);
    await life.clock.advance(0);
    assert.ok(packets.every(({ outcome }) => outcome === 'delivered'));
  });
});

/** The time that this process has computed: others may have the machine. */
function millisecondsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}
