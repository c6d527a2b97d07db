import assert from 'node:assert/strict';
import type { WakeSettings } from '#core/config/settings.js';
import type { DnsClient, RecordsAnswer } from '#core/contracts/resolver.js';
import type { WakeCause } from '#core/contracts/lifecycle-event.js';
import { AccessControl } from '#core/dns/admission/access-control.js';
import { PROOF_WANTED } from '#core/dns/admission/proof-answer.js';
import { UnikernelResolver } from '#core/dns/resolvers/unikernel-resolver.js';
import { WakeGuard } from '#core/dns/admission/wake-guard.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { DnsLog } from '../../../support/dns-log.js';
import { aQuery, tcpClient, udpClient } from '../../../support/dns-query.js';
import { dnsSettings } from '../../../support/dns-settings.js';
import { FakeSummons } from '../../../support/dns-summons.js';
import { aUnikernel, type StagedUnikernel } from '../../../support/dns-unikernel.js';
import { wakeSettings } from '../../../support/wake-settings.js';

const never = new AbortController().signal;
const from = (address: string): DnsClient => ({ ...tcpClient, address });

/** Boots that never end, and show. */
class EndlessSummons extends FakeSummons {
  constructor() {
    super(false);
  }

  override summon(unikernel: StagedUnikernel, cause: WakeCause): Promise<void> {
    const promise = super.summon(unikernel, cause);
    unikernel.beginSummon();
    return promise;
  }
}

class Stage {
  readonly clock: ManualClock;
  readonly log = new DnsLog();
  readonly summons = new EndlessSummons();
  readonly access: AccessControl;
  readonly unikernels: StagedUnikernel[];
  private readonly resolver: UnikernelResolver<StagedUnikernel>;

  constructor(wake: Partial<WakeSettings> = {}, now = new Date(2026, 5, 1, 12, 0).getTime()) {
    this.clock = new ManualClock(now);
    const deps = { clock: this.clock, logger: this.log };
    const settings = wakeSettings(wake);
    this.access = new AccessControl(dnsSettings(), settings, deps);
    const guard = new WakeGuard(settings, this.access, this.clock);
    this.unikernels = Array.from({ length: 20 }, (_, index) =>
      aUnikernel({
        name: `u${index}`,
        names: [`u${index}.test`, 'all.test'],
        addresses: [`192.0.2.${index}`, '2001:db8::7'],
      }),
    );
    this.resolver = new UnikernelResolver(this.unikernels, this.summons, dnsSettings(), { ...deps, guard });
  }

  /** What comes of a query at once: its answer, or that it waits. */
  async ask(name: string, client: DnsClient = tcpClient, type = 'A'): Promise<RecordsAnswer | 'waits' | undefined> {
    const asked = this.resolver.resolve(aQuery(name, { type }, client), never) as
      RecordsAnswer | Promise<RecordsAnswer>;
    return Promise.race([asked, new Promise<'waits'>((resolve) => setImmediate(() => resolve('waits')))]);
  }

  async assertRefused(name: string, client: DnsClient, code: number, why: RegExp, type?: string): Promise<void> {
    const answer = await this.ask(name, client, type);
    assert.ok(answer !== 'waits' && answer !== undefined, 'refused');
    assert.deepEqual([answer.rcode, answer.extendedError?.code], [5, code]);
    assert.match(answer.extendedError?.text ?? '', why);
  }
}

describe('the wake guard', () => {
  it('lets a query whose source may be forged wake nothing, and asks it for a proof', async () => {
    const stage = new Stage();
    assert.deepEqual(await stage.ask('u1.test', udpClient), PROOF_WANTED);
    assert.deepEqual(stage.summons.calls, []);
    assert.equal(stage.unikernels[1]?.counters.get('u1.test')?.requests, 0);
    assert.equal(await stage.ask('u1.test'), 'waits');
    assert.deepEqual(await stage.ask('u1.test', udpClient), PROOF_WANTED, 'also while it boots');
    assert.equal(stage.access.refusals.counts.unproven, 2);
  });

  it('lets it have the answer of what is ready, without prolonging that', async () => {
    const stage = new Stage();
    const [first] = stage.unikernels as [StagedUnikernel];
    first.ready = true;
    const answer = await stage.ask('u0.test', udpClient);
    assert.ok(answer !== 'waits' && answer?.answers?.length === 1);
    assert.deepEqual(
      [first.counters.get('u0.test')?.requests, first.counters.get('u0.test')?.lastAsked],
      [0, undefined],
    );
    await stage.ask('u0.test');
    assert.equal(first.counters.get('u0.test')?.requests, 1);
  });

  it('answers with those that are ready where the others may not be woken', async () => {
    const stage = new Stage();
    const [first] = stage.unikernels as [StagedUnikernel];
    first.ready = true;
    const answer = await stage.ask('all.test', udpClient);
    assert.ok(answer !== 'waits' && answer?.answers?.length === 1);
    assert.deepEqual(stage.summons.calls, []);
  });

  it('wakes only for clients in wake.allow, but not in wake.deny, and lets others prolong nothing', async () => {
    const stage = new Stage({ allow: ['192.0.2.0/24'], deny: ['192.0.2.66/32'] });
    await stage.assertRefused('u1.test', from('198.51.100.1'), 18, /this client may not wake/);
    await stage.assertRefused('u1.test', from('192.0.2.66'), 18, /this client may not wake/);
    assert.equal(await stage.ask('u1.test', from('192.0.2.1')), 'waits');
    const first = stage.unikernels[0] as StagedUnikernel;
    first.ready = true;
    await stage.ask('u0.test', from('198.51.100.1'));
    assert.equal(first.counters.get('u0.test')?.requests, 0);
    assert.equal(stage.access.refusals.counts.wakeClient, 2);
  });

  it('wakes only for types in wake.types', async () => {
    const stage = new Stage({ types: ['AAAA'] });
    await stage.assertRefused('u1.test', tcpClient, 18, /type/);
    assert.equal(stage.access.refusals.counts.wakeType, 1);
    assert.equal(await stage.ask('u1.test', tcpClient, 'AAAA'), 'waits');
  });

  it('goes by the wall clock as it is now, and not as it was at the start', async () => {
    const stage = new Stage({ hours: ['07:00-09:30'] }, new Date(2026, 5, 1, 3, 0).getTime());
    await stage.assertRefused('u1.test', tcpClient, 18, /time of the day/);
    stage.clock.stepWallTime(5 * 3_600_000);
    assert.equal(await stage.ask('u1.test'), 'waits');
    stage.clock.stepWallTime(2 * 3_600_000);
    await stage.assertRefused('u2.test', tcpClient, 18, /time of the day/);
  });

  it('wakes only within wake.hours, of local time, also past midnight', async () => {
    const at = (hour: number, minute: number): Stage =>
      new Stage({ hours: ['07:00-09:30', '22:00-06:00'] }, new Date(2026, 5, 1, hour, minute).getTime());
    for (const [hour, minute] of [
      [7, 0],
      [9, 29],
      [22, 0],
      [23, 59],
      [0, 0],
      [5, 59],
    ] as const) {
      assert.equal(await at(hour, minute).ask('u1.test'), 'waits', `${hour}:${minute}`);
    }
    for (const [hour, minute] of [
      [6, 0],
      [6, 59],
      [9, 30],
      [21, 59],
    ] as const) {
      const stage = at(hour, minute);
      await stage.assertRefused('u1.test', tcpClient, 18, /time of the day/);
      assert.equal(stage.access.refusals.counts.wakeHours, 1);
    }
  });

  it('wakes all day within a span that ends when it begins', async () => {
    for (const hour of [6, 7, 8]) {
      const stage = new Stage({ hours: ['07:00-07:00'] }, new Date(2026, 5, 1, hour, 0).getTime());
      assert.equal(await stage.ask('u1.test'), 'waits', `${hour}:00`);
    }
  });

  it('lets a client cause so many boots in the interval, and charges nothing for what boots or is ready', async () => {
    const stage = new Stage({ budget: { perClient: 3, perPrefix: 0, interval: 60_000 } });
    const client = from('192.0.2.1');
    for (const name of ['u1.test', 'u2.test', 'u1.test', 'u3.test', 'u2.test']) {
      assert.equal(await stage.ask(name, client), 'waits');
    }
    await stage.assertRefused('u4.test', client, 14, /too many boots/);
    assert.equal(await stage.ask('u3.test', client), 'waits', 'it boots already');
    assert.equal(await stage.ask('u4.test', from('192.0.2.2')), 'waits', 'another client');
    await stage.clock.advance(19_000);
    await stage.assertRefused('u5.test', client, 14, /too many boots/);
    await stage.clock.advance(1_001);
    assert.equal(await stage.ask('u5.test', client), 'waits', 'a third of the interval earns one of three');
    await stage.assertRefused('u6.test', client, 14, /too many boots/);
    assert.equal(stage.access.refusals.counts.wakeBudget, 3);
  });

  it('counts a network as one: an IPv4 /24, and an IPv6 /56, in which a /64 is one client', async () => {
    const stage = new Stage({ budget: { perClient: 1, perPrefix: 2, interval: 60_000 } });
    assert.equal(await stage.ask('u1.test', from('192.0.2.1')), 'waits');
    assert.equal(await stage.ask('u2.test', from('192.0.2.2')), 'waits');
    await stage.assertRefused('u3.test', from('192.0.2.3'), 14, /too many boots/);
    assert.equal(await stage.ask('u3.test', from('2001:db8:0:1::1')), 'waits');
    await stage.assertRefused('u4.test', from('2001:db8:0:1::2'), 14, /too many boots/);
    assert.equal(await stage.ask('u4.test', from('2001:db8:0:2::1')), 'waits');
    await stage.assertRefused('u5.test', from('2001:db8:0:3::1'), 14, /too many boots/);
  });

  it('charges for no boot that does not come about', async () => {
    const stage = new Stage({ budget: { perClient: 1, perPrefix: 0, interval: 60_000 } });
    stage.summons.summon = () => Promise.reject(new Error('left alone'));
    for (let round = 0; round < 3; round++) await assert.rejects(stage.ask('u1.test'), /left alone/);
    assert.equal(stage.access.refusals.counts.wakeBudget, 0);
  });

  it('asks no proof of who is trusted, and of nobody where none is wanted', async () => {
    const trusting = new Stage({ trusted: ['127.0.0.0/8'] });
    const believing = new Stage({ proof: 'none' });
    for (const { access } of [trusting, believing]) assert.equal(access.admissionOf(udpClient).proven, true);
    const far = { ...udpClient, address: '192.0.2.1' };
    assert.equal(trusting.access.admissionOf(far).proven, false);
    assert.equal(believing.access.admissionOf(far).proven, true);
  });

  it('charges no budget for the operator’s own queries', () => {
    const clock = new ManualClock();
    const access = new AccessControl(dnsSettings(), wakeSettings(), { clock, logger: new DnsLog() });
    const guard = new WakeGuard(
      wakeSettings({ budget: { perClient: 1, perPrefix: 1, interval: 60_000 } }),
      access,
      clock,
    );
    // Its address says nothing.
    const query = aQuery('u0.test', {}, { address: '192.0.2.1', port: 0, transport: 'inject' });
    for (let round = 0; round < 3; round++) {
      guard.spend(query, 5);
      assert.equal(guard.refusal(query, 1), undefined);
    }
    assert.equal(guard.refusal(aQuery('u0.test', {}, from('192.0.2.1')), 1), undefined);
  });
});
