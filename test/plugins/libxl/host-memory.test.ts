import assert from 'node:assert/strict';
import { ManualClock } from '#core/testing/manual-clock.js';
import { LibxlBackend } from '#libxl/libxl-backend.js';
import { FakeXen } from '../../support/libxl/fake-xen.js';
import { MemoryLogger } from '../../support/memory-logger.js';

describe('the memory of a Xen host', () => {
  it('is all of it, and not what dom0 sees', async () => {
    await using xen = await FakeXen.start();
    const connection = { saves: xen.saves };
    const clock = new ManualClock();
    const backend = new LibxlBackend(connection, 'libxl', xen.folder.path, [], clock, new MemoryLogger(), xen.parts);
    await backend.check({ name: 'web', options: xen.options('web') });
    try {
      assert.equal(await backend.hostMemory(), 268_435_456);
    } finally {
      await backend.close();
    }
  });
});
