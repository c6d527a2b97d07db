import assert from 'node:assert/strict';
import type { UnikernelSettings } from '#core/config/settings.js';
import { lateGuests } from '#core/fleet/late-guests.js';

describe('a check of whether guests are seen late', () => {
  const settings = (addresses: readonly string[], probes = 1): UnikernelSettings =>
    ({
      name: 'web',
      backend: 'virtual',
      addresses,
      ready: Array<object>(probes).fill({}),
    }) as unknown as UnikernelSettings;

  it('finds nothing where the kernel may be told, or no guest is reached by Ethernet', async () => {
    assert.deepEqual(await lateGuests([settings(['10.77.0.80'])], true), []);
    for (const none of [settings(['127.0.0.1', '::1']), settings([]), settings(['10.77.0.80'], 0)]) {
      assert.deepEqual(await lateGuests([none], false), []);
    }
  });
});
