import type { NamedStartFlag } from '@jitsud/core';
import { DEFAULT_BACKEND, KNOWN_BACKENDS } from './known-plugins.js';

/** A flag of `jitsu start`. */
export interface StartOption {
  /** The flag in commander's notation: `-b, --bind <ADDR>`. */
  readonly flags: string;
  /** The default if neither the flag nor the configuration file sets a value. */
  readonly default?: string;
  readonly repeatable?: true;
  readonly number?: NumberRange;
  readonly description: string;
}

export interface NumberRange {
  readonly expected: string;
  readonly whole: boolean;
  readonly from: number;
  readonly to: number;
}

const port: NumberRange = { expected: 'A port number from 0 to 65535', whole: true, from: 0, to: 65_535 };
const seconds: NumberRange = { expected: 'A number of seconds', whole: false, from: 0, to: 2 ** 31 };

/** The built-in flags of `jitsu start`, in the order of the help; each overrides the configuration file. */
export const startOptions: readonly StartOption[] = [
  {
    flags: '-b, --bind <ADDR>',
    default: '127.0.0.1',
    repeatable: true,
    description: 'Answer DNS on this address, IPv4 or IPv6, or those of this interface. May be given more than once.',
  },
  {
    flags: '-c, --connect <URI>',
    description:
      "Where the backend's virtualisation system is, such as xen:/// or vbox:///session. Goes to the backend picked by -x.",
  },
  {
    flags: '-d, --delay <SECONDS>',
    default: '0.1',
    number: seconds,
    description:
      'Wait so long after a unikernel has booted before the answer goes out. Holds for unikernels without a readiness probe (ready), which need no such guess.',
  },
  {
    flags: '-f, --forwarder <ADDR>',
    default: 'those of /etc/resolv.conf',
    repeatable: true,
    description:
      'Forward what is no name of ours to this server: ADDR, ADDR:PORT, tcp://ADDR[:PORT] or tls://ADDR[:PORT][#NAME]. May be given more than once: they are tried in this order. 0.0.0.0 turns forwarding off.',
  },
  {
    flags: '-l, --listen <PORT>',
    default: '53',
    number: port,
    description: 'Answer DNS on this port, over UDP and TCP.',
  },
  {
    flags: '-m, --mode <MODE>',
    default: "the backend's usual one",
    description:
      'How to stop unikernels: destroy, suspend, shutdown, or another mode of their backend. Programs are shut down by default, and all others destroyed.',
  },
  { flags: '-p, --port <PORT>', default: '53', number: port, description: "The forwarders' port." },
  {
    flags: '--persistdb <PATH>',
    default: 'in memory',
    description: 'Keep registrations, counters and history in this folder, over restarts.',
  },
  {
    flags: '-t, --ttl <SECONDS>',
    default: '60',
    number: seconds,
    description:
      'How long clients may keep an answer. A unikernel stops when none of its names was asked for during twice this time.',
  },
  {
    flags: '-x, --backend <NAME>',
    default: DEFAULT_BACKEND,
    description: `The backend of unikernels that name none: ${KNOWN_BACKENDS.join(', ')}, or any other installed one.`,
  },
  {
    flags: '--config <FILE>',
    default: 'jitsu.config.* in this folder',
    description: 'The configuration file.',
  },
  {
    flags: '--control <PATH>',
    description: 'The control socket, by which jitsu status, summon, stop, flush and resolve reach this Jitsu.',
  },
  { flags: '--log-level <LEVEL>', default: 'info', description: 'debug, info, warn, error or silent.' },
];

/** The flags that plugins declare, without those that are built in or declared by an earlier plugin. */
export function pluginOptions(flags: readonly NamedStartFlag[]): readonly StartOption[] {
  const isNew = ({ name }: NamedStartFlag, index: number): boolean =>
    !startOptions.some((option) => option.flags.includes(`--${name} `)) &&
    flags.findIndex((other) => other.name === name) === index;
  return flags.filter(isNew).map(({ name, value, description }) => ({ flags: `--${name} <${value}>`, description }));
}
