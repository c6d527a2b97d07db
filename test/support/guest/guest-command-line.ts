import type { GuestModule } from './guest-program.js';

/** How a guest behaves; without any of these it serves as soon as it can. */
export interface GuestOptions {
  /** It does not hear when it is asked to shut down: `shutdown` leaves it running. */
  readonly deaf?: boolean;
  /** For how many seconds more it does not serve yet. */
  readonly slow?: number;
  /** Where it sends what is for other networks; without one it knows of no others. */
  readonly gateway?: string;
  /** It says back what it hears at TCP port 7. */
  readonly echo?: boolean;
  /** Its kernel panics at boot, of which its hypervisor is told. */
  readonly crash?: boolean;
  /** On Xen: the key below its own folder of xenstore, such as `data/ready`, that it writes when it serves. */
  readonly writeKey?: string;
  /** On Xen: the key below its own folder of xenstore that it reads before all else, and prints. */
  readonly readKey?: string;
  /** On Xen: the modules that it loads beside that of its network card. */
  readonly modules?: readonly GuestModule[];
  /** A program, with no arguments, that it runs when it serves; it must be among its files. */
  readonly program?: string;
}

/** What spares a guest a second and a half of its boot: nothing is measured, tested or hardened. */
const HASTE = [
  'quiet',
  'panic=-1',
  'mitigations=off',
  'init_on_alloc=0',
  'rodata=off',
  'lsm=capability',
  'nowatchdog',
  'nokaslr',
  'cryptomgr.notests',
  'audit=0',
  'no_timer_check',
  'random.trust_cpu=on',
  'ipv6.disable=1',
];

/** The kernel's command line of a guest: what `GUEST_INIT` obeys. */
export function guestCommandLine(console: string, address: string, options: GuestOptions = {}): string {
  const { deaf, slow, gateway, echo, crash, writeKey, readKey, modules = [], program } = options;
  return [
    `console=${console}`,
    ...HASTE,
    `jitsu.address=${address}/24`,
    ...(deaf === true ? ['jitsu.deaf'] : []),
    ...(slow === undefined ? [] : [`jitsu.slow=${slow}`]),
    ...(gateway === undefined ? [] : [`jitsu.gateway=${gateway}`]),
    ...(echo === true ? ['jitsu.echo'] : []),
    ...(crash === true ? ['jitsu.crash'] : []),
    ...(writeKey === undefined ? [] : [`jitsu.write=${writeKey}`]),
    ...(readKey === undefined ? [] : [`jitsu.read=${readKey}`]),
    ...modules.map((name) => `jitsu.load=${name}`),
    ...(program === undefined ? [] : [`jitsu.run=${program}`]),
  ].join(' ');
}
