import assert from 'node:assert/strict';
import type { Settings } from '#core/config/settings.js';
import type { Notifier } from '#core/contracts/notifier.js';
import type { Instances } from '#core/fleet/instances.js';
import { Notifiers } from '#core/fleet/notifiers.js';
import { EventHub } from '#core/telemetry/event-hub.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { MemoryLogger } from '../../support/memory-logger.js';
import { anEvent } from '../../support/store-records.js';

/** Those that a configuration with these notifiers has, and unikernels a, which has a key of a plugin, and b. */
function notifiersOf(byName: Readonly<Record<string, Partial<Notifier>>>): Notifiers {
  const notifiers = Object.keys(byName).map((name) => ({ contribution: { name } }));
  const unikernels = [
    { name: 'a', addedKeys: { loud: true } },
    { name: 'b', addedKeys: {} },
  ];
  const instances = {
    configured: ({ contribution: { name } }: { contribution: { name: string } }) => byName[name],
  } as unknown as Instances;
  const context = { clock: new ManualClock(), logger: new MemoryLogger() };
  return new Notifiers({ notifiers, unikernels } as unknown as Settings, instances, context);
}

describe('the notifiers', () => {
  it('are told what they want, by the event and by the keys of its unikernel, and of everything if they do not say', async () => {
    const told: string[] = [];
    const teller = (name: string, wants?: Notifier['wants']): Notifier => ({
      notify: async ({ unikernel, kind }) => void told.push(`${name} ${unikernel} ${kind}`),
      ...(wants && { wants }),
    });
    const hub = new EventHub(new ManualClock(), new MemoryLogger());
    notifiersOf({
      picky: teller('picky', ({ kind }, { loud = false }) => kind === 'ready' && loud === true),
      broken: teller('broken', () => assert.fail('it cannot say')),
      webhook: teller('webhook'),
    }).join(hub);
    for (const unikernel of ['a', 'b'])
      for (const kind of ['ready', 'died'] as const) hub.emit(anEvent({ unikernel, kind }));
    await hub.close();
    const all = ['a died', 'a ready', 'b died', 'b ready'];
    assert.deepEqual(told.sort(), [
      ...all.map((one) => `broken ${one}`),
      'picky a ready',
      ...all.map((one) => `webhook ${one}`),
    ]);
  });

  it('tell of themselves what they have to tell', () => {
    const notifiers = notifiersOf({ quiet: {}, talker: { status: () => ({ connected: false, detail: 'alone' }) } });
    assert.deepEqual(notifiers.status(), [{ name: 'talker', connected: false, detail: 'alone' }]);
  });

  it('tell of themselves also where one of them fails to', () => {
    const notifiers = notifiersOf({
      broken: { status: () => assert.fail('no socket') },
      talker: { status: () => ({ connected: true, detail: 'fine' }) },
    });
    assert.deepEqual(notifiers.status(), [
      { name: 'broken', connected: false, detail: 'it fails to tell its status: no socket' },
      { name: 'talker', connected: true, detail: 'fine' },
    ]);
  });

  it('need neither be opened nor closed where they have nothing to open', async () => {
    const notifiers = notifiersOf({ plain: { notify: async () => undefined } });
    await notifiers.open();
    await notifiers.close();
  });

  it('are all closed, also after one of them has failed', async () => {
    const calls: string[] = [];
    const notifiers = notifiersOf({
      broken: {
        open: async () => void calls.push('open broken'),
        close: async () => Promise.reject(new Error('stuck')),
      },
      plain: {},
      fine: { open: async () => void calls.push('open fine'), close: async () => void calls.push('close fine') },
    });
    await notifiers.open();
    await assert.rejects(notifiers.close(), /stuck/);
    assert.deepEqual(calls, ['open broken', 'open fine', 'close fine']);
  });
});
