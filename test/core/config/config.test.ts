import assert from 'node:assert/strict';
import type { z } from 'zod';
import { defineConfig } from '@jitsud/core';
import type { JitsuConfig } from '@jitsud/core';
import type { configSchema } from '#core/config/config.js';
import type { addresslessSchema } from '#core/config/unikernel.js';

declare module '@jitsud/core/plugin' {
  interface BackendOptions {
    'for-types': { readonly size: number };
  }
}

type Mutable<T> = T extends string ? T : T extends object ? { -readonly [Key in keyof T]: Mutable<T[Key]> } : T;
type Fits<Narrow extends Wide, Wide> = Narrow;

// These compile only while what may be written fits the schemas, key by key.
type Sections = Omit<Mutable<JitsuConfig>, 'unikernels'>;
type Unikernel = Pick<NonNullable<Mutable<JitsuConfig>['unikernels']>[number], keyof z.input<typeof addresslessSchema>>;
export type SectionsFit = Fits<Sections, z.input<typeof configSchema>>;
export type UnikernelFits = Fits<Unikernel, z.input<typeof addresslessSchema>>;
export type EveryKeyIsTyped = Fits<keyof z.input<typeof configSchema>, keyof Sections>;

describe('defineConfig', () => {
  it('gives back what it is given', () => {
    const config: JitsuConfig = { dns: { port: 5_300 } };
    assert.equal(defineConfig(config), config);
  });

  it('knows the options of a backend that has told its types', () => {
    const unikernel = { dns: 'a.test', ip: '::1' } as const;
    void defineConfig({
      unikernels: [
        { ...unikernel, backend: 'for-types', size: 5 },
        { ...unikernel, backend: 'unknown', anything: [1] },
      ],
    });
    void defineConfig(() => ({ unikernels: [{ ...unikernel, command: 'x' }] }));
    void defineConfig(Promise.resolve({ unikernels: [] }));
    const constant = { dns: { bind: ['::1'], zones: [{ name: 'a.test' }] }, stop: { policies: ['ttl'] } } as const;
    void defineConfig({ ...constant, unikernels: [{ ...unikernel, ready: ['tcp:80'] }] } as const);
    // @ts-expect-error -- a number is no DNS name
    void defineConfig({ unikernels: [{ dns: 5, ip: '::1' }] });
    // @ts-expect-error -- an address is needed
    void defineConfig({ unikernels: [{ dns: 'a.test' }] });
    // @ts-expect-error -- there is no such key
    void defineConfig({ dsn: {} });
  });
});
