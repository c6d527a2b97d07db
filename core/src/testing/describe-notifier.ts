import assert from 'node:assert/strict';
import type { LifecycleEvent, LifecycleEventKind } from '../contracts/lifecycle-event.js';
import type { Notifier } from '../contracts/notifier.js';
import { deepFreeze } from './deep-freeze.js';
import { eventually, inTime, PATIENCE } from './eventually.js';
import { useHarness, type Harness } from './harness.js';

/**
 * The harness of {@link describeNotifier}. The optional member `breakDown` is a capability switch.
 *
 * @example
 * ```ts
 * describeNotifier('the webhook notifier', {
 *   notifier: () => new WebhookNotifier({ url: server.url }),
 *   has: ({ kind, unikernel }) => server.bodies.some((body) => body.kind === kind && body.unikernel === unikernel),
 *   breakDown: () => server.close(),
 * });
 * ```
 */
export interface NotifierHarness extends Harness {
  /** Creates a notifier without opening it: the suite opens and closes it. */
  notifier(): Notifier | Promise<Notifier>;
  /** The kinds of events that it delivers; all by default. It accepts other events and ignores them. */
  readonly tells?: readonly LifecycleEventKind[];
  /** Whether this event has been delivered. */
  has(event: LifecycleEvent): boolean | Promise<boolean>;
  /** Breaks the receiver, so that no event can be delivered. */
  breakDown?(): Promise<void> | void;
}

/** Every kind of event; the type ensures that none is missing. */
const KINDS: Readonly<Record<LifecycleEventKind, true>> = {
  summoning: true,
  started: true,
  resumed: true,
  unpaused: true,
  ready: true,
  failed: true,
  unready: true,
  adopted: true,
  outdated: true,
  died: true,
  kept: true,
  stopping: true,
  stopped: true,
  'stop-failed': true,
  lost: true,
  returned: true,
  added: true,
  changed: true,
  removed: true,
};

/** Defines the mocha tests of the notifier contract, with mocha's global `describe` and `it`. */
export function describeNotifier(name: string, harness: NotifierHarness): void {
  describe(`${name} (notifier contract)`, function () {
    this.timeout(3 * PATIENCE);
    let notifier: Notifier;

    useHarness(
      harness,
      async () => {
        notifier = await harness.notifier();
        await notifier.open?.();
      },
      async () => notifier.close?.(),
    );

    const isTold = (event: LifecycleEvent): Promise<void> =>
      eventually(
        async () => assert.ok(await harness.has(event), `nobody was told that ${event.unikernel} is '${event.kind}'`),
        harness.patience,
      );

    for (const kind of Object.keys(KINDS) as LifecycleEventKind[]) {
      const told = harness.tells?.includes(kind) ?? true;
      it(`${told ? 'tells' : 'takes, and does not tell,'} '${kind}'`, async () => {
        const event = anEvent(kind, 'alpha');
        // As in Jitsu, events that it does not want are not passed to it.
        if (notifier.wants?.(event, {}) ?? true) await notifier.notify(event);
        if (told) await isTold(event);
        else assert.equal(await harness.has(event), false);
      });
    }

    it('tells of several unikernels at the same time', async () => {
      const [kind = 'ready'] = harness.tells ?? [];
      const events = Array.from({ length: 20 }, (_, index) => anEvent(kind, `machine-${index}`));
      await Promise.all(events.map((event) => notifier.notify(event)));
      for (const event of events) await isTold(event);
    });

    it('says of itself what it can say at any time, before it is opened and after it is closed', async () => {
      const fresh = await harness.notifier();
      const checkStatus = (): void => {
        const status = fresh.status?.();
        if (status !== undefined) assert.ok(status.detail.length > 0, 'there is no detail');
      };
      checkStatus();
      // Jitsu closes a notifier that was never opened when something before it failed to open.
      await fresh.close?.();
      checkStatus();
    });

    if (harness.breakDown !== undefined) {
      it('settles, and throws nothing at whoever calls it, when it can tell nobody', async () => {
        await harness.breakDown?.();
        const notified = notifier.notify(anEvent(harness.tells?.[0] ?? 'ready', 'alpha'));
        const settled = notified.catch((error: unknown) => assert.ok(error instanceof Error));
        await inTime(settled, 'it has not settled in time', harness.patience);
      });
    }
  });
}

function anEvent(kind: LifecycleEventKind, unikernel: string): LifecycleEvent {
  return deepFreeze({
    kind,
    at: 1_700_000_000_000,
    unikernel,
    id: '0f0f0f0f-0000-5000-8000-000000000000',
    backend: 'example',
    state: 'running',
    cause: { kind: 'query', name: `${unikernel}.test`, type: 'A', client: '127.0.0.1' },
    reason: 'a "reason", with quotes',
    code: 'JITSU_BACKEND_FAILED',
    duration: 12.5,
    addresses: ['192.0.2.1'],
    macs: ['00:16:3e:00:00:01'],
    domainId: 7,
  });
}
