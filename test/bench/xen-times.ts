import { createConnection } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { optionsOf } from '../support/libxl/libxl-host.js';
import { RunningJitsu } from '../support/running-jitsu.js';
import { Dom0 } from '../support/xen/dom0.js';
import type { XenGuest } from '../support/xen/xen-guest.js';
import { timeOf } from './time-of.js';

export const ROUNDS = 7;
/** In milliseconds; as often as Jitsu's probe looks at first. */
const PAUSE = 10;

/** In milliseconds each. */
export interface XenTimes {
  readonly byHand: readonly number[];
  readonly summoned: readonly number[];
}

/**
 * From the query to the answer for a guest that does not run, against `xl create` of the same guest until its service
 * takes a connection; by turns. In dom0; the context is skipped elsewhere.
 */
export async function measureXen(context: Mocha.Context): Promise<XenTimes> {
  await using dom0 = await Dom0.open(context);
  const guest = dom0.guest('bench');
  const unikernel = { ...optionsOf(guest), dns: 'bench.test', ip: guest.address, backend: 'libxl', ready: 'tcp:80' };
  await using jitsu = new RunningJitsu([unikernel], { backend: 'libxl', boot: { deadline: '2m' } });
  await jitsu.start();
  const times = { byHand: [] as number[], summoned: [] as number[] };
  for (let round = 0; round < ROUNDS; round += 1) {
    times.summoned.push(await timeOf(() => ask(jitsu)));
    await jitsu.control.stop('bench', 'destroy');
    await dom0.untilGone(guest);
    times.byHand.push(await timeOf(() => createByHand(dom0, guest)));
    await dom0.xl('destroy', guest.name);
    await dom0.untilGone(guest);
    while ((await jitsu.status('bench')).phase !== 'down') await sleep(PAUSE);
  }
  return times;
}

async function ask(jitsu: RunningJitsu): Promise<void> {
  const { rcode, addresses } = await jitsu.ask('bench.test');
  if (addresses.length === 0) throw new Error(`No address, but ${rcode}:\n${jitsu.log}`);
}

async function createByHand(dom0: Dom0, guest: XenGuest): Promise<void> {
  await dom0.xl('create', '-q', await dom0.configFile(guest));
  while (!(await takesConnection(guest.address))) await sleep(PAUSE);
}

function takesConnection(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: address, port: 80, timeout: 200 });
    const end = (taken: boolean): void => {
      socket.destroy();
      resolve(taken);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
    socket.once('timeout', () => end(false));
  });
}
