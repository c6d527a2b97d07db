import { describeReadinessProbe } from '@jitsud/core/testing';
import { eventually, isPending } from '#core/testing/eventually.js';
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cannotRun } from '../../support/cannot-run.js';
import { NamespacedPing } from '../../support/ping/namespaced-ping.js';
import { compileTapGuest, tapGuestWords } from '../../support/ping/tap-guest.js';
import { NetworkNamespace } from '../../support/network-namespace.js';
import { requireTool } from '../../support/require-tool.js';

for (const [title, range] of [
  ['with sockets for echoes', '0 2147483647'],
  ['without sockets for echoes', '1 0'],
] as const) {
  describe(`the ping probe, ${title}`, () => {
    let namespace: NetworkNamespace;
    let guest: string;
    let probe: NamespacedPing;
    let count = 0;

    before(async function () {
      const compiler = requireTool(this, 'cc');
      if (!existsSync('/dev/net/tun')) cannotRun(this, 'there is no /dev/net/tun');
      namespace = await NetworkNamespace.create(this);
      await namespace.run('sh', '-c', `echo ${range} >/proc/sys/net/ipv4/ping_group_range`);
      guest = await compileTapGuest(compiler);
      probe = new NamespacedPing(namespace);
    });

    after(async () => {
      probe?.[Symbol.dispose]();
      await namespace?.[Symbol.asyncDispose]();
    });

    /** A TAP device with a network of its own, on which nobody answers yet. */
    async function service(version: 4 | 6) {
      count += 1;
      const [tap, network] = [`tap${count}`, version === 4 ? `10.7.${count}.` : `fd07:${count}::`];
      const address = `${network}2`;
      await namespace.run('ip', 'tuntap', 'add', 'dev', tap, 'mode', 'tap');
      const nodad = version === 6 ? ['nodad'] : [];
      await namespace.run('ip', 'address', 'add', `${network}1/${version === 4 ? 24 : 64}`, 'dev', tap, ...nodad);
      await namespace.run('ip', 'link', 'set', tap, 'up');
      let running: ChildProcess | undefined;
      const end = async (): Promise<void> => {
        if (running === undefined) return;
        const ended = once(running, 'exit');
        running.kill('SIGKILL');
        await ended;
        running = undefined;
      };
      return {
        target: { name: 'guest', id: tap, addresses: [address] },
        answer: () => void (running = namespace.spawn(guest, tapGuestWords(tap, [address]), { stdio: 'ignore' })),
        end,
      };
    }

    /** Resolves when the kernel has heard of a machine. */
    const answers = (addresses: readonly string[]): Promise<void> =>
      eventually(async () => assert.match(await namespace.run('ip', 'neighbour', 'show', ...addresses), /REACHABLE/));

    describeReadinessProbe('over IPv4', { probe: () => probe, service: () => service(4) });
    describeReadinessProbe('over IPv6', { probe: () => probe, service: () => service(6) });

    it('is satisfied at once by machines that were there first', async () => {
      for (const version of [4, 6, 4, 6] as const) {
        const first = await service(version);
        first.answer();
        const isUp = async (): Promise<void> =>
          assert.match(await namespace.run('ip', 'link', 'show', first.target.id), /LOWER_UP/);
        await eventually(isUp);
        await probe.untilReady(first.target, AbortSignal.timeout(3_000));
        await first.end();
      }
    });

    it('asks all addresses', async () => {
      const [one, other] = [await service(4), await service(6)];
      const addresses = [...one.target.addresses, ...other.target.addresses];
      const ready = probe.untilReady({ ...one.target, addresses }, new AbortController().signal);
      one.answer();
      await answers(one.target.addresses);
      assert.ok(await isPending(ready));
      other.answer();
      await ready;
      await Promise.all([one.end(), other.end()]);
    });

    it('is not satisfied by a machine that was there before', async () => {
      const known = await service(4);
      // On a bridge, the kernel remembers a machine that has gone.
      for (const words of [
        'link add bridge type bridge',
        'link add port type veth peer name other',
        'link set port master bridge',
        'link set port up',
        'link set other up',
        `address flush dev ${known.target.id}`,
        `link set ${known.target.id} master bridge`,
        `address add ${known.target.addresses[0]?.replace(/2$/, '1')}/24 dev bridge`,
        'link set bridge up',
      ]) {
        await namespace.run('ip', ...words.split(' '));
      }
      known.answer();
      await probe.untilReady(known.target, AbortSignal.timeout(5_000));
      await known.end();
      await answers(known.target.addresses);
      await assert.rejects(probe.untilReady(known.target, AbortSignal.timeout(300)), { name: 'TimeoutError' });
    });

    it('tells which address has not answered yet', async () => {
      const [one, other] = [await service(4), await service(4)];
      const addresses = [...one.target.addresses, ...other.target.addresses];
      const outcomes: string[] = [];
      const report = (outcome: string): void => void outcomes.push(outcome);
      const ready = probe.untilReady({ ...one.target, addresses, report }, new AbortController().signal);
      one.answer();
      const missing = `${other.target.addresses[0]} has not answered`;
      await eventually(() => assert.deepEqual(outcomes.slice(-5), new Array(5).fill(missing)));
      other.answer();
      await ready;
      await Promise.all([one.end(), other.end()]);
    });

    it('is satisfied by addresses of this machine', async () => {
      await probe.untilReady({ name: 'own', id: 'own', addresses: ['127.0.0.1', '::1'] }, AbortSignal.timeout(5_000));
    });
  });
}
