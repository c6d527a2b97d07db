import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '#core/testing/eventually.js';
import { GuestClients } from '../../support/libvirt/guest-clients.js';
import { guestJitsu, startedLibvirtd } from '../../support/libvirt/guest-jitsu.js';
import type { DefinedGuest, PrivateLibvirtd } from '../../support/libvirt/private-libvirtd.js';
import type { Client, OpenConnection } from '../../support/netfilter/routed-network.js';
import type { RunningJitsu } from '../../support/running-jitsu.js';

const PATIENCE = 60_000;

/** Of a packet that is not lost: one that is, comes again after a second at the earliest. */
const RETRANSMITTED = 900;

/** Of an answer that nobody has to wait for. */
const AT_ONCE = 200;

const ECHO = 7;

const PLACES = [
  ['host', 'from its host'],
  ['routed', 'from beyond its host'],
  ['bridge', 'from its own bridge'],
] as const;

describe('a virtual machine of libvirt whose first packets are held', function () {
  this.timeout(120_000);
  let libvirtd: PrivateLibvirtd;
  let clients: GuestClients;

  before(async function () {
    libvirtd = await startedLibvirtd(this);
    clients = await GuestClients.connect(this, libvirtd);
  });
  after(async () => {
    await clients?.[Symbol.asyncDispose]();
    await libvirtd?.[Symbol.asyncDispose]();
  });

  const aGuest = (name: string): Promise<DefinedGuest> => libvirtd.define(name, { gateway: '10.77.0.1', echo: true });

  const startJitsu = async (guest: DefinedGuest, mode: string): Promise<RunningJitsu> => {
    const jitsu = guestJitsu(libvirtd, [{ ...guest, mode, ready: `tcp:${ECHO}` }], {
      dns: { ttl: 1 },
      doormen: { netfilter: { bridges: [libvirtd.bridge] } },
      traffic: { idle: '3s' },
      stop: { policies: ['connections', 'traffic:1s', 'ttl'] },
    });
    await jitsu.start();
    await eventually(async () => assert.equal((await jitsu.status(guest.name)).armed, true, jitsu.log));
    return jitsu;
  };

  const stateOf = ({ name }: DefinedGuest): Promise<string> => libvirtd.virsh('domstate', '--reason', name);
  const eventuallyIn = (guest: DefinedGuest, state: string, jitsu: RunningJitsu): Promise<void> =>
    eventually(async () => assert.equal(await stateOf(guest), state, jitsu.log), PATIENCE);

  const holdOpen = async (client: Client, guest: DefinedGuest, jitsu: RunningJitsu): Promise<OpenConnection> => {
    try {
      return await client.hold(guest.address, { port: ECHO, says: 'hello' });
    } catch (error) {
      throw new Error(`${String(error)}\n${jitsu.log}`, { cause: error });
    }
  };

  /** Resolves with what the last event of a kind says. */
  const lastOf = async (jitsu: RunningJitsu, name: string, kind: string) => {
    const events = await jitsu.control.history({ unikernel: name });
    const found = events.filter((event) => event.kind === kind).at(-1);
    assert.ok(found, `${kind}: ${JSON.stringify(events)}\n${jitsu.log}`);
    return found;
  };

  for (const [place, where] of PLACES) {
    it(`boots by a connection ${where}, which keeps it, and is refused at once when it has been destroyed`, async () => {
      const guest = await aGuest(`off-${place}`);
      await using jitsu = await startJitsu(guest, 'destroy');
      const open = await holdOpen(clients.at(place), guest, jitsu);
      const opened = Date.now();
      const from = GuestClients.addressOf(place);
      const { cause } = await lastOf(jitsu, guest.name, 'summoning');
      assert.deepEqual(cause, { kind: 'knock', protocol: 'tcp', port: ECHO, from });
      const { at } = await lastOf(jitsu, guest.name, 'ready');
      assert.ok(opened - at < RETRANSMITTED, `${opened - at} ms after it was ready`);

      assert.equal((await open.say()).error, undefined, jitsu.log);
      await eventually(async () => {
        assert.equal((await lastOf(jitsu, guest.name, 'kept')).reason, `by a connection, from ${from}`);
      }, PATIENCE);

      assert.equal((await jitsu.control.stop(guest.name)).state, 'off');
      assert.deepEqual(await libvirtd.qemuPids(guest.name), []);
      const { error, took } = await open.say();
      assert.equal(error, 'ECONNRESET', jitsu.log);
      assert.ok(took < AT_ONCE, `${took} ms\n${jitsu.log}`);
      await sleep(300);
      assert.equal(await stateOf(guest), 'shut off (destroyed)', 'nobody is woken by that');
    });

    it(`is suspended beside an open connection, whose next packet ${where} resumes it`, async () => {
      const guest = await aGuest(`suspended-${place}`);
      await using jitsu = await startJitsu(guest, 'suspend');
      const open = await holdOpen(clients.at(place), guest, jitsu);
      await eventuallyIn(guest, 'paused (user)', jitsu);
      const { error, took } = await open.say();
      assert.equal(error, undefined, jitsu.log);
      assert.ok(took < RETRANSMITTED, `${took} ms\n${jitsu.log}`);
      const { totalStarts } = await jitsu.status(guest.name);
      assert.equal(totalStarts, 2, 'a boot, and a resume');
      assert.equal((await lastOf(jitsu, guest.name, 'summoning')).cause?.kind, 'knock');
    });
  }

  it('runs while a connection speaks now and then, with no query at all, and sleeps when that has ended', async () => {
    const guest = await aGuest('in-use');
    await using jitsu = await startJitsu(guest, 'destroy');
    const open = await holdOpen(clients.at('bridge'), guest, jitsu);
    for (let second = 0; second < 24; second += 2) {
      await sleep(2_000);
      assert.equal((await open.say()).error, undefined, jitsu.log);
    }
    assert.doesNotMatch(jitsu.log, /stopping/);
    assert.equal((await jitsu.status(guest.name)).totalStarts, 1);
    await eventuallyIn(guest, 'shut off (destroyed)', jitsu);
  });
});
