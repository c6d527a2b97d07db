import assert from 'node:assert/strict';
import { z } from 'zod';
import { readSettings } from '#core/config/read-settings.js';
import { unikernelMemory } from '#core/config/unikernel-memory.js';
import { settingsContext } from '../../support/settings-context.js';

async function memory(told: (options: unknown) => unknown): Promise<number | undefined> {
  const context = settingsContext((registry) => {
    const [useClass, description, unikernel] = [class {} as never, '', z.object({ size: z.number() })];
    registry.backend({ name: 'sized', useClass, description, unikernel, memory: told as () => number });
  });
  const unikernels = [{ dns: 'a.test', ip: '::1', backend: 'sized', size: 4_096 }];
  const settings = await readSettings({ config: { unikernels }, directory: '/nowhere' }, context);
  return unikernelMemory(settings, settings.unikernels[0]!);
}

const refusal = (reason: RegExp) => ({ code: 'JITSU_PLUGIN_INVALID', message: reason });

describe('the memory of a unikernel', () => {
  it('is what its backend makes of its options, or is not known', async () => {
    assert.equal(await memory((options) => (options as { size: number }).size), 4_096);
    assert.equal(await memory(() => undefined), undefined);
  });

  it('is checked where it comes in', async () => {
    for (const wrong of ['64MiB', 0, -1, 1.5, NaN, null])
      await assert.rejects(
        memory(() => wrong),
        refusal(/'sized' cannot be used: its memory returned .*bytes/),
      );
    await assert.rejects(
      memory(() => assert.fail('no')),
      refusal(/its memory failed: no\.$/),
    );
  });

  for (const [backend, options, bytes] of [
    ['libxl', { kernel: 'k', memory: '64MiB' }, 67_108_864],
    ['process', { command: 'x', limits: { files: 100 } }, undefined],
    ['libvirt', {}, undefined],
  ] as const) {
    it(`is ${bytes ?? 'not known'} of ${backend} with ${JSON.stringify(options)}`, async () => {
      const unikernels = [{ dns: 'a.test', ip: '::1', backend, ...options }];
      const settings = await readSettings({ config: { unikernels }, directory: '/nowhere' }, settingsContext());
      assert.equal(unikernelMemory(settings, settings.unikernels[0]!), bytes);
    });
  }
});
