import assert from 'node:assert/strict';
import type { WakeSettings } from '#core/config/settings.js';
import type { DnsAnswer, DnsClient, RecordsAnswer } from '#core/contracts/resolver.js';
import { AccessControl } from '#core/dns/admission/access-control.js';
import { PROOF_WANTED } from '#core/dns/admission/proof-answer.js';
import { WakeGuard } from '#core/dns/admission/wake-guard.js';
import { UnikernelResolver } from '#core/dns/resolvers/unikernel-resolver.js';
import type { UnikernelPlan } from '#core/lifecycle/unikernel.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { DnsLog } from '../../../support/dns-log.js';
import { aQuery, tcpClient, udpClient } from '../../../support/dns-query.js';
import { dnsSettings } from '../../../support/dns-settings.js';
import { FakeSummons } from '../../../support/dns-summons.js';
import { aUnikernel, type StagedUnikernel } from '../../../support/dns-unikernel.js';
import { wakeSettings } from '../../../support/wake-settings.js';

const never = new AbortController().signal;
const AT_ONCE: Partial<UnikernelPlan> = { answersAtOnce: true, wakesOn: 'query' };
const ON_CONNECTION: Partial<UnikernelPlan> = { answersAtOnce: true, wakesOn: 'connection' };

class Stage {
  readonly clock = new ManualClock();
  readonly log = new DnsLog();
  readonly summons = new FakeSummons(false);
  readonly unikernels: readonly StagedUnikernel[];
  readonly access: AccessControl;
  private readonly resolver: UnikernelResolver<StagedUnikernel>;

  constructor(plans: readonly Partial<UnikernelPlan>[], wake: Partial<WakeSettings> = {}) {
    const settings = wakeSettings(wake);
    const deps = { clock: this.clock, logger: this.log };
    this.access = new AccessControl(dnsSettings(), settings, deps);
    this.unikernels = plans.map((plan, index) =>
      aUnikernel({ name: `u${index}`, names: ['a.test'], addresses: [`192.0.2.${index}`], ...plan }),
    );
    for (const unikernel of this.unikernels) this.summons.held.add(unikernel);
    const guard = new WakeGuard(settings, this.access, this.clock);
    this.resolver = new UnikernelResolver(this.unikernels, this.summons, dnsSettings(), { ...deps, guard });
  }

  /** What a query gets without waiting; `undefined` where it waits. */
  ask(client: DnsClient = tcpClient, type = 'A'): RecordsAnswer | undefined {
    const answer = this.resolver.resolve(aQuery('a.test', { type }, client), never) as DnsAnswer | Promise<DnsAnswer>;
    if (!('then' in answer)) return answer as RecordsAnswer;
    answer.catch(() => undefined);
    return undefined;
  }

  addresses(client?: DnsClient, type?: string): readonly unknown[] | undefined {
    return this.ask(client, type)?.answers?.map((record) => ('address' in record ? record.address : record.type));
  }

  get woken(): readonly string[] {
    return this.summons.calls.map(({ unikernel }) => unikernel);
  }
}

describe('an answer at once', () => {
  it('goes out while the boot begins, with the usual TTL, and is not repeated without another question', () => {
    const stage = new Stage([AT_ONCE]);
    const answer = stage.ask();
    assert.deepEqual(answer?.answers, [{ name: 'a.test', type: 'A', ttl: 60, address: '192.0.2.0' }]);
    assert.equal(answer.lease, undefined, 'a repeated answer would boot nothing');
    assert.deepEqual(stage.woken, ['u0']);
    assert.equal(stage.unikernels[0]?.counters.get('a.test')?.requests, 1);
  });

  it('has a lease when it is ready, as any other', () => {
    const stage = new Stage([AT_ONCE]);
    stage.unikernels[0]!.ready = true;
    assert.equal(stage.ask()?.lease?.holds, true);
  });

  it('boots nothing where a connection has to, is repeated, and counts as a use where it runs', () => {
    const stage = new Stage([ON_CONNECTION]);
    const answer = stage.ask();
    assert.equal(answer?.answers?.length, 1);
    assert.deepEqual(stage.woken, []);
    assert.equal(answer.lease?.holds, true);
    assert.equal(stage.ask()?.lease, answer.lease);
    answer.lease.used?.(3);
    assert.equal(stage.unikernels[0]?.counters.get('a.test')?.requests, 5);
  });

  it('has no lease any more once first packets are not held, and falls back to the promise of one that is ready', () => {
    for (const plan of [AT_ONCE, ON_CONNECTION]) {
      const stage = new Stage([plan]);
      const lease = stage.ask()?.lease;
      stage.summons.held.clear();
      stage.unikernels[0]!.ready = false;
      assert.notEqual(lease?.holds, true);
      assert.equal(stage.ask(), undefined, 'it waits');
      assert.equal(stage.woken.at(-1), 'u0', 'a question boots it then');
    }
  });

  it('is given to a question that may be forged, and boots and counts nothing', () => {
    for (const plan of [AT_ONCE, ON_CONNECTION]) {
      const stage = new Stage([plan]);
      assert.deepEqual(stage.addresses(udpClient), ['192.0.2.0']);
      assert.deepEqual(stage.woken, []);
      assert.equal(stage.unikernels[0]?.counters.get('a.test')?.requests, 0);
    }
    assert.deepEqual(new Stage([{}]).ask(udpClient), PROOF_WANTED, 'but not of one that is not answered at once');
  });

  it('is refused to who may not wake, unless only a connection does', () => {
    const deny = [`${tcpClient.address}/32`];
    assert.equal(new Stage([AT_ONCE], { deny }).ask()?.rcode, 5);
    assert.deepEqual(new Stage([ON_CONNECTION], { deny }).addresses(), ['192.0.2.0']);
  });

  it('is given for HTTPS as well', () => {
    const https = [Uint8Array.of(0, 1, 0)];
    const stage = new Stage([{ ...AT_ONCE, https }]);
    assert.deepEqual(stage.addresses(tcpClient, 'HTTPS'), [65]);
    assert.deepEqual(stage.woken, ['u0']);
    assert.deepEqual(new Stage([{ ...ON_CONNECTION, https }]).addresses(udpClient, 'HTTPS'), [65]);
  });

  it('names all that are given at once or ready, and boots the others of the name besides', () => {
    const stage = new Stage([AT_ONCE, {}, ON_CONNECTION, {}]);
    stage.unikernels[3]!.ready = true;
    assert.deepEqual([...(stage.addresses() ?? [])].sort(), ['192.0.2.0', '192.0.2.2', '192.0.2.3']);
    assert.deepEqual(stage.woken, ['u0', 'u1']);
  });

  it('waits for one that has failed, whose promise nothing keeps, unless only a connection may try again', () => {
    const failure = { at: 0, code: 'JITSU_SUMMON_DIED', reason: 'crashed', count: 1, retryAt: 0 };
    const stage = new Stage([AT_ONCE]);
    Object.assign(stage.unikernels[0]!, { failure });
    assert.equal(stage.ask(), undefined);
    const other = new Stage([ON_CONNECTION]);
    Object.assign(other.unikernels[0]!, { failure });
    assert.deepEqual(other.addresses(), ['192.0.2.0']);
  });

  it('charges the boot to the client', () => {
    const stage = new Stage([AT_ONCE], { budget: { perClient: 1, perPrefix: 0, interval: 60_000 } });
    const summon = stage.summons.summon.bind(stage.summons);
    stage.summons.summon = (unikernel, cause) => {
      const promise = summon(unikernel, cause);
      unikernel.beginSummon();
      return promise;
    };
    assert.deepEqual(stage.addresses(), ['192.0.2.0']);
    assert.deepEqual(stage.addresses(), ['192.0.2.0'], 'it boots already');
    stage.unikernels[0]!.summon = undefined;
    assert.equal(stage.ask()?.rcode, 5);
  });

  it('says nothing of a boot that fails afterwards but what is said of every one', async () => {
    const stage = new Stage([AT_ONCE]);
    stage.ask();
    stage.summons.fail(stage.unikernels[0]!, new Error('crashed'));
    await stage.clock.advance(0);
    assert.deepEqual(stage.log.entries, []);
  });
});
