import type { Settings } from '@jitsud/core';
import { endpointText } from './endpoint-text.js';
import { openText } from './open-text.js';
import { printable } from './printable.js';
import { textTable } from './text-table.js';

/** The settings and listeners of a started Jitsu. */
export interface Served {
  readonly settings: Settings;
  /** The number of all names if the settings are {@link abridged}. */
  readonly names?: number;
  readonly listening: readonly { readonly address: string; readonly port: number }[];
  /** How datagrams are received: `mmsg` or `dgram`. */
  readonly udpTransport?: string | undefined;
  /** What is exposed to the network, one sentence per item. */
  readonly exposures?: readonly string[];
}

/** How to call Jitsu's other commands. */
export interface Calling {
  /** `jitsu`, or `npx jitsu`. */
  readonly calledAs: string;
  /** The control socket, if the commands would not find it by themselves. */
  readonly control?: string;
}

/** The most names shown; more would push the next steps off the screen. */
const SHOWN = 20;

/** The part of the settings that an announcement needs, so that a million unikernels need not stay in memory for it. */
export function abridged(settings: Settings): Required<Pick<Served, 'settings' | 'names'>> {
  return { settings: { ...settings, unikernels: settings.unikernels.slice(0, SHOWN) }, names: nameCount(settings) };
}

/** The text on the terminal after a start: what Jitsu serves, and the next steps. */
export function announcement(served: Served, { calledAs, control }: Calling, columns?: number): string {
  const rows = mappings(served.settings);
  const table = textTable(
    [
      { head: '  NAME', cell: ({ name }) => `  ${name}` },
      { head: 'ADDRESS', cell: ({ addresses }) => addresses },
      { head: 'UNIKERNEL', cell: ({ unikernel }) => unikernel },
      { head: 'BACKEND', cell: ({ backend }) => backend },
    ],
    rows,
  );
  const hidden = (served.names ?? nameCount(served.settings)) - SHOWN;
  const command = (words: string): string =>
    `  ${calledAs} ${words}${control === undefined ? '' : ` --control ${control}`}`;
  const [first] = served.settings.unikernels;
  const example = first?.names[0]?.replace(/^\*/, 'www');
  const url = first === undefined ? undefined : urlOf(first);
  const next = [
    ...(example === undefined ? [] : [command(`resolve ${example}`)]),
    ...(url === undefined ? [] : [`  curl ${url}`]),
    command('status'),
  ];
  const open = openText(served.exposures ?? [], columns);
  return [
    `Jitsu answers DNS on ${whereAndHow(served)}.`,
    '',
    rows.length === 0 ? '  No unikernel is configured.\n' : table,
    ...(hidden > 0 ? [`  and ${hidden} more\n`] : []),
    ...(open === '' ? [] : [open]),
    'A unikernel boots when its name is asked for. Try, in another terminal:',
    '',
    ...next,
    '',
    served.settings.onExit === 'stop'
      ? 'Ctrl-C ends it, and what runs.'
      : 'Ctrl-C ends it; what runs by then keeps running.',
    '',
  ].join('\n');
}

/** The words for the end of Jitsu: what goes on without it, and how that is stopped. */
export function farewell(onExit: Settings['onExit'], running: readonly string[]): string {
  if (onExit === 'stop') return 'ending; stopping unikernels';
  if (running.length === 0) return 'ending; no unikernel runs';
  const hidden = running.length - SHOWN;
  const names = running.slice(0, SHOWN).map(printable).join(', ');
  const more = hidden > 0 ? `, and ${hidden} more` : '';
  const verb = running.length === 1 ? 'keeps' : 'keep';
  return (
    `ending; ${names}${more} ${verb} running. The next start takes over what runs, and "jitsu stop NAME" stops it then; ` +
    `with stop.onExit: stop, Jitsu stops all at its end`
  );
}

/** The same as lines of the log. */
export function announcementLines(served: Served): readonly string[] {
  const { settings, names = nameCount(settings) } = served;
  const hidden = names - SHOWN;
  return [
    ...mappings(settings).map(
      ({ name, addresses, unikernel, backend }) => `serving ${name} (${addresses}) by ${unikernel} of ${backend}`,
    ),
    ...(hidden > 0 ? [`and ${hidden} more names`] : []),
    `answering DNS on ${whereAndHow(served)}`,
  ];
}

function whereAndHow({ listening, udpTransport }: Served): string {
  const udp = udpTransport === undefined ? 'UDP' : `UDP (${udpTransport})`;
  return `${listening.map(endpointText).join(', ')}, over ${udp} and TCP`;
}

interface Mapping {
  readonly name: string;
  readonly addresses: string;
  readonly unikernel: string;
  readonly backend: string;
}

/** The first {@link SHOWN} names with their addresses. */
function mappings({ unikernels }: Settings): readonly Mapping[] {
  const mapped = unikernels.slice(0, SHOWN).flatMap(({ name: unikernel, names, addresses, backend }) =>
    names.map((name) => ({
      name,
      addresses: addresses.join(', '),
      unikernel: printable(unikernel),
      backend: printable(backend),
    })),
  );
  return mapped.slice(0, SHOWN);
}

function nameCount({ unikernels }: Settings): number {
  return unikernels.reduce((count, { names }) => count + names.length, 0);
}

/** The URL of its web page, if it has an HTTP readiness probe. */
function urlOf({ ready, addresses: [address] }: Settings['unikernels'][number]): string | undefined {
  const [, port, path = '/'] = ready.map(({ words }) => /^http:(\d+)(\/.*)?$/.exec(words)).find((match) => match) ?? [];
  if (port === undefined || address === undefined) return undefined;
  return `http://${endpointText({ address, port: Number(port) })}${path}`;
}
