/** The doorman, in a process of its own that may be in another network namespace and can be killed. */
import {
  errorMessage,
  SystemClock,
  type ArmedService,
  type Knock,
  type KnockVerdict,
  type Traffic,
} from '@jitsud/core/plugin';
import { connectUntil } from '#core/builtins/connect-until.js';
import { markProbes } from '#core/net/probe-mark.js';
import { NetfilterDoorman } from '#netfilter/netfilter-doorman.js';
import { doormanOptions } from '#netfilter/doorman-options.js';

export interface DoormanOrder {
  readonly number: number;
  readonly options?: object;
  readonly arm?: readonly ArmedService[];
  readonly release?: readonly [unikernel: string, outcome: 'deliver' | 'refuse' | 'drop'];
  readonly watch?: readonly ArmedService[];
  readonly observe?: ArmedService;
  /** Resolves when a probe has been accepted at each address, at this port. */
  readonly probe?: readonly [addresses: readonly string[], port: number];
  /** How it answers knocks from now on. */
  readonly verdict?: KnockVerdict;
  readonly beforeDrop?: readonly ArmedService[];
  readonly close?: true;
}

export type DoormanNews =
  | { readonly number: number; readonly error?: string; readonly traffic?: Traffic | undefined }
  | { readonly knock: Knock }
  | { readonly loss: string | null };

const send = (news: DoormanNews): void => void process.send?.(news);
const log = (): void => undefined;
const logger = { debug: log, info: log, warn: log, error: log } as never;
let doorman: NetfilterDoorman | undefined;
let verdict: KnockVerdict = 'hold';

process.on('message', (order: DoormanOrder) => {
  void carryOut(order).then(
    (traffic) => send({ number: order.number, traffic }),
    (error: unknown) => send({ number: order.number, error: errorMessage(error) }),
  );
});

async function carryOut(order: DoormanOrder): Promise<Traffic | undefined> {
  const { options, arm, release, verdict: next, beforeDrop, probe, watch, observe, close } = order;
  if (next !== undefined) verdict = next;
  if (options !== undefined) {
    doorman = new NetfilterDoorman(doormanOptions.parse(options), new SystemClock(), logger);
    doorman.onKnock((knock) => {
      send({ knock });
      return verdict;
    });
    doorman.onLoss((reason) => send({ loss: reason ?? null }));
    await doorman.open();
    await markProbes(doorman.probeMark);
  }
  if (beforeDrop !== undefined) await doorman?.beforeDrop(0, beforeDrop);
  if (arm !== undefined) await doorman?.arm(arm);
  for (const address of probe?.[0] ?? []) {
    const socket = await connectUntil(address, probe?.[1] ?? 0, new SystemClock(), AbortSignal.timeout(20_000));
    socket.destroy();
  }
  if (release !== undefined) await doorman?.release(...release);
  if (watch !== undefined) await doorman?.activity.watch(watch);
  if (close) await doorman?.close();
  return observe && doorman?.activity.observe(observe, AbortSignal.timeout(5_000));
}

process.on('disconnect', () => process.exit());
process.send?.({ started: true });
