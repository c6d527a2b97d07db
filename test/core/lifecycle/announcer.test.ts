import assert from 'node:assert/strict';
import type { LifecycleEvent } from '#core/contracts/lifecycle-event.js';
import { Announcer } from '#core/lifecycle/announcer.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { aUnikernel } from '../../support/dns-unikernel.js';

describe('what is announced of a unikernel', () => {
  const events: LifecycleEvent[] = [];
  const announcer = new Announcer((event) => events.push(event), new ManualClock(7_000));
  const known = {
    ...{ at: 7_000, unikernel: 'web', id: 'id-of-www', backend: 'none', state: 'off', macs: [] },
    addresses: ['192.0.2.7'],
  };

  it('has everything that is known of it, and nothing else', () => {
    const web = aUnikernel({ name: 'web' });
    web.state = 'off';
    announcer.announce(web, 'stopped', { reason: 'enough', duration: 3 });
    assert.deepEqual(events.at(-1), { kind: 'stopped', ...known, reason: 'enough', duration: 3 });
    Object.assign(web, { state: 'running', domainId: 4, macs: ['00:16:3e:00:00:01'] });
    announcer.announce(web, 'ready');
    const now = { state: 'running', domainId: 4, macs: ['00:16:3e:00:00:01'] };
    assert.deepEqual(events.at(-1), { kind: 'ready', ...known, ...now });
  });

  it('has the reason for a change that others have made, where the backend knows it', () => {
    const web = aUnikernel({ name: 'web' });
    web.state = 'off';
    announcer.announceChange(web, 'died');
    assert.deepEqual(events.at(-1), { kind: 'died', ...known });
    web.detail = 'crashed';
    announcer.announceChange(web, 'died');
    assert.deepEqual(events.at(-1), { kind: 'died', ...known, reason: 'crashed' });
  });
});
