import { within } from '../place.js';
import { RunningJitsu } from '../running-jitsu.js';
import { PrivateLibvirtd, type DefinedGuest } from './private-libvirtd.js';

/** The keys of a unikernel in a configuration, of which a guest's address stands for what there is to say of its network. */
type GuestUnikernel = { readonly name: string; readonly address?: string } & Partial<DefinedGuest> &
  Record<string, unknown>;

/** One that answers; the suite is skipped where it cannot run. */
export async function startedLibvirtd(context: Mocha.Context): Promise<PrivateLibvirtd> {
  const libvirtd = await PrivateLibvirtd.create(context);
  try {
    await libvirtd.start();
  } catch (error) {
    await libvirtd[Symbol.asyncDispose]();
    throw error;
  }
  return libvirtd;
}

/**
 * A real Jitsu beside the guests of a libvirtd, where their network can be reached: the guest NAME stands behind
 * `NAME.test`, and is ready when its web server is.
 */
export function guestJitsu(
  libvirtd: PrivateLibvirtd,
  guests: readonly (DefinedGuest | GuestUnikernel)[],
  settings: Readonly<Record<string, unknown>> = {},
): RunningJitsu {
  const unikernels = guests.map(({ address, mac: _mac, xmlFile: _file, ...guest }) => ({
    ...(address !== undefined && { dns: `${guest.name}.test`, ip: address, ready: 'tcp:80' }),
    ...guest,
  }));
  const usual = {
    backend: 'libvirt',
    backends: { libvirt: { connect: libvirtd.uri } },
    boot: { deadline: 90, delay: 0 },
  };
  return new RunningJitsu(unikernels, { ...usual, ...settings }, within(libvirtd.namespace));
}
