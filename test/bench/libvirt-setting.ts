import { SystemClock } from '#core/clock.js';
import { LibvirtBackend } from '#libvirt/libvirt-backend.js';
import { libvirtOptions } from '#libvirt/libvirt-options.js';
import { MemoryLogger } from '../support/memory-logger.js';
import { BareLibvirt } from './bare-libvirt.js';
import { MachinesById } from '../support/machines-by-id.js';

/** A hypervisor to measure with, and how patiently. */
export interface LibvirtSetting {
  readonly label: string;
  readonly uri: string;
  readonly createRounds: number;
  readonly lagRounds: number;
  readonly xmlOf: (name: string) => string;
  /** Runs commands of virsh, separated by `;`, where virsh can reach the same domains. */
  readonly virsh?: (commands: string) => Promise<unknown>;
}

/** Domains that both a backend and {@link BareLibvirt} can start. */
export interface MeasuredDomains extends AsyncDisposable {
  readonly backend: MachinesById;
  readonly bare: BareLibvirt;
  readonly names: readonly string[];
  /** Of the same domains, for the backend. */
  readonly ids: readonly string[];
}

/** Defines so many domains, and connects a new backend that knows them. Disposed, they are gone. */
export async function defineDomains({ uri, xmlOf }: LibvirtSetting, count: number): Promise<MeasuredDomains> {
  const bare = new BareLibvirt(uri);
  const names = Array.from({ length: count }, (_, n) => `bench-${n}`);
  for (const name of names) bare.define(name, xmlOf(name));
  const backend = new MachinesById(new LibvirtBackend({ connect: uri }, new MemoryLogger(), new SystemClock()));
  await backend.connect();
  const ids = names.map((name) => backend.register({ name, options: libvirtOptions.parse({ name }) }));
  return {
    ...{ backend, bare, names },
    ids: await Promise.all(ids),
    [Symbol.asyncDispose]: async () => {
      await backend.close();
      bare[Symbol.dispose]();
    },
  };
}
