import assert from 'node:assert/strict';
import type { WakeSettings } from '#core/config/settings.js';
import type { KnockVerdict } from '#core/contracts/doorman.js';
import { AccessControl } from '#core/dns/admission/access-control.js';
import { KnockGuard } from '#core/dns/admission/knock-guard.js';
import { WakeGuard } from '#core/dns/admission/wake-guard.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { DnsLog } from '../../../support/dns-log.js';
import { aQuery, tcpClient } from '../../../support/dns-query.js';
import { dnsSettings } from '../../../support/dns-settings.js';
import { heapInUse } from '../../../support/heap-in-use.js';
import { wakeSettings } from '../../../support/wake-settings.js';

const TRUSTED = ['10.0.0.0/8', 'fc00::/7'];
const NEAR = '10.0.0.1';
const FAR = '198.51.100.7';

class Stage {
  readonly clock: ManualClock;
  readonly access: AccessControl;
  readonly wakeGuard: WakeGuard;
  readonly guard: KnockGuard;

  constructor(wake: Partial<WakeSettings> = {}, now = new Date(2026, 5, 1, 12, 0).getTime()) {
    this.clock = new ManualClock(now);
    const settings = wakeSettings({ trusted: TRUSTED, ...wake });
    this.access = new AccessControl(dnsSettings(), settings, { clock: this.clock, logger: new DnsLog() });
    this.wakeGuard = new WakeGuard(settings, this.access, this.clock);
    this.guard = new KnockGuard(settings, this.access, this.wakeGuard, this.clock);
  }

  /** A knock that boots where it may. */
  knock(from: string): KnockVerdict {
    const verdict = this.guard.verdict({ from }, 1);
    if (verdict === 'hold') this.guard.spend({ from }, 1);
    return verdict;
  }
}

describe('the knock guard', () => {
  it('lets those whose source is trusted wake, over both families, and refuses all others', () => {
    const stage = new Stage();
    assert.deepEqual(
      [NEAR, 'fd00::1', FAR, '2001:db8::7'].map((from) => stage.knock(from)),
      ['hold', 'hold', 'refuse', 'refuse'],
    );
    assert.equal(stage.access.refusals.counts.knockUnproven, 2);
  });

  it('lets those wake who have a connection, wherever they come from, and charges their networks', () => {
    const stage = new Stage({ budget: { perClient: 1, perPrefix: 0, interval: 60_000 } });
    const knock = { from: FAR, proven: true };
    assert.equal(stage.guard.verdict(knock, 1), 'hold');
    stage.guard.spend(knock, 1);
    assert.equal(stage.guard.verdict(knock, 1), 'refuse');
    assert.deepEqual([stage.access.refusals.counts.knockUnproven, stage.access.refusals.counts.knockBudget], [0, 1]);
  });

  it('lets everybody wake where no proof is asked of anybody', () => {
    assert.equal(new Stage({ proof: 'none', trusted: [] }).knock(FAR), 'hold');
  });

  it('holds what asks for that which boots already, whoever is charged for that', () => {
    const stage = new Stage({ hours: ['01:00-02:00'] });
    assert.equal(stage.guard.verdict({ from: FAR }, 0), 'hold');
  });

  it('refuses clients who may not wake at once, also while it boots, and counts nothing of them as a boot', () => {
    const stage = new Stage({ deny: ['10.1.0.0/16'], budget: { perClient: 0, perPrefix: 1, interval: 60_000 } });
    assert.equal(stage.knock('10.1.0.1'), 'refuse');
    assert.equal(stage.guard.verdict({ from: '10.1.0.1' }, 0), 'refuse');
    assert.equal(new Stage({ allow: ['10.2.0.0/16'] }).knock(NEAR), 'refuse');
    assert.equal(stage.access.refusals.counts.knockClient, 2);
  });

  it('refuses at hours in which nothing is woken', () => {
    const stage = new Stage({ hours: ['13:00-14:00'] });
    assert.equal(stage.knock(NEAR), 'refuse');
    stage.clock.stepWallTime(3_600_000);
    assert.equal(stage.knock(NEAR), 'hold');
  });

  it('charges trusted ones to the same budget as their queries', () => {
    const stage = new Stage({ budget: { perClient: 2, perPrefix: 0, interval: 60_000 } });
    assert.equal(stage.knock(NEAR), 'hold');
    stage.wakeGuard.spend(aQuery('a.test', {}, { ...tcpClient, address: NEAR }), 1);
    assert.equal(stage.knock(NEAR), 'refuse');
    assert.notEqual(stage.wakeGuard.refusal(aQuery('a.test', {}, { ...tcpClient, address: NEAR }), 1), undefined);
    assert.equal(stage.knock('10.0.0.2'), 'hold');
    assert.equal(stage.access.refusals.counts.knockBudget, 1);
  });

  it('lets all unproven ones together cause so many boots a minute, and drops the rest so that it may come again', async () => {
    const stage = new Stage({ knocks: { unproven: 2 } });
    const verdicts = ['198.51.100.1', '203.0.113.1', '192.0.2.1', '2001:db8::1'].map((from) => stage.knock(from));
    assert.deepEqual(verdicts, ['hold', 'hold', 'drop', 'drop']);
    await stage.clock.advance(30_000);
    assert.deepEqual([stage.knock(FAR), stage.knock(FAR)], ['hold', 'drop']);
    assert.equal(stage.knock(NEAR), 'hold', 'who is trusted has nothing to do with that');
  });

  it('never charges the network that an unproven one claims', () => {
    const budget = { perClient: 1, perPrefix: 1, interval: 60_000 };
    const stage = new Stage({ knocks: { unproven: 100 }, budget });
    for (let time = 0; time < 50; time += 1) assert.equal(stage.knock(FAR), 'hold');
    const query = aQuery('a.test', {}, { ...tcpClient, address: FAR });
    assert.equal(stage.wakeGuard.refusal(query, 1), undefined);
  });

  it('drops what comes from no address', () => {
    assert.equal(new Stage().knock('nowhere'), 'drop');
  });

  it('keeps nothing of a scan', async () => {
    const stage = new Stage({ knocks: { unproven: 1 } });
    for (let index = 0; index < 100; index += 1) stage.knock(`198.51.${index}.1`);
    const before = await heapInUse();
    for (let index = 0; index < 200_000; index += 1) {
      stage.guard.verdict({ from: `198.${index & 255}.${(index >> 8) & 255}.${index % 251}` }, 1);
    }
    const grown = (await heapInUse()) - before;
    // One small object for each would be 10 MB.
    assert.ok(grown < 2_000_000, `${grown} bytes`);
    assert.equal(stage.access.refusals.counts.knockUnproven, 200_099);
  });
});
