import { basename } from 'node:path';
import type { Jitsu, Settings, ShortDeadline, UnikernelSettings } from '@jitsud/core';
import { durationText } from './duration-text.js';
import { endpointText } from './endpoint-text.js';
import { cautionText, openText } from './open-text.js';
import { sizeText } from './size-text.js';
import { printable } from './printable.js';
import { textTable, widthOf, type Column } from './text-table.js';
import { wrapped } from './wrapped.js';

const NOT_CHECKED =
  'Not checked: whether the backends can be reached, and whether the programs, folders, users and machines that ' +
  'unikernels name exist. `jitsu check` without --offline asks them.';

const CHECKED = 'The backends were asked, and have what these unikernels name.';

/** What was found out beyond the configuration. */
export interface Asked {
  /** Whom a start would have Jitsu run as. */
  readonly foretoldUser?: string | undefined;
  /** At which two unikernels are asked whether they are ready. */
  readonly sharedEndpoints?: Jitsu['sharedEndpoints'];
  /** The deadlines that usually pass before all is ready. */
  readonly shortDeadlines?: readonly ShortDeadline[];
  /** What is stopped although it may be in use, since only queries keep it. */
  readonly byQueriesAlone?: readonly string[];
  /** What a start would not find now; absent where the backends were not asked. */
  readonly findings?:
    | readonly {
        readonly backend: string;
        readonly code: string;
        readonly message: string;
        readonly isWarning?: true;
      }[]
    | undefined;
  /** How much memory a unikernel may have, in bytes, as far as that is known. */
  readonly memoryOf?: (unikernel: UnikernelSettings) => number | undefined;
  /** Who holds the first packets of clients for a unikernel, and where. */
  readonly heldBy?: (unikernel: UnikernelSettings) => readonly string[];
}

/** Summarises a valid configuration: what it would serve, and what it exposes to the network. */
export function settingsSummary(
  settings: Settings,
  exposures: readonly string[],
  columns: number | undefined,
  asked: Asked = {},
): string {
  const { foretoldUser, sharedEndpoints = [], shortDeadlines = [], byQueriesAlone = [], findings } = asked;
  const { memoryOf = () => undefined, heldBy = () => [] } = asked;
  const { file, dns, statePath, stateStore, controlSocket, onExit, unikernels } = settings;
  const facts = [
    ['DNS', `${dns.bind.map((address) => endpointText({ address, port: dns.port })).join(', ')}, over UDP and TCP`],
    ['Other names', forwarding(settings)],
    [
      'Zones',
      dns.zones.map(({ name, authoritative }) => `${name}${authoritative ? ' (authoritative)' : ''}`).join(', '),
    ],
    ['State', statePath ?? storeInWords(stateStore.contribution)],
    ['Control', controlSocket],
    ['Runs as', foretoldUser ?? ''],
    ['When Jitsu ends', onExit === 'keep' ? 'unikernels keep running' : 'unikernels are stopped'],
  ].filter(([, fact]) => fact !== '');
  const head = `${file === undefined ? 'The command line' : basename(file)} is good.`;
  const factTable = textTable([column('', 0), column('', 1)], facts);
  const notes = [
    openText(exposures, columns),
    cautionText('What is as good as root:', rootEquivalents(settings), columns),
    cautionText('What two unikernels cannot have at once:', sharedEndpoints.map(sharing), columns),
    cautionText('What usually takes longer than its deadline:', shortDeadlines.map(tooShort), columns),
    cautionText('What nothing but queries keeps running:', queriesAlone(byQueriesAlone), columns),
    cautionText('What was passed over:', (settings.passedOver ?? []).map(printable), columns),
  ].filter((text) => text !== '');
  const result = unikernels.length === 0 ? '' : `\n${askedText(findings, columns)}`;
  return `${head}\n\n${factTable}\n${notes.map((text) => `${text}\n`).join('')}${unikernels.length === 0 ? 'No unikernel is configured.\n' : unikernelTable(unikernels, { memoryOf, heldBy }, columns)}${result}`;
}

function askedText(findings: Asked['findings'], columns: number | undefined): string {
  if (findings === undefined) return `${wrapped(NOT_CHECKED, columns ?? Infinity)}\n`;
  const sentence = (backend: string, message: string): string =>
    printable(`${backend.startsWith('The ') ? backend : `Backend ${backend}`}: ${message}`.replace(/\s*\n\s*/g, ' '));
  const missing = findings
    .filter(({ isWarning }) => isWarning !== true)
    .map(({ backend, code, message }) => sentence(backend, `${message} (${code})`));
  const warnings = findings
    .filter(({ isWarning }) => isWarning)
    .map(({ backend, message }) => sentence(backend, message));
  const texts = [
    missing.length > 0
      ? cautionText('What a start would not find now:', missing, columns)
      : `${wrapped(CHECKED, columns ?? Infinity)}\n`,
    ...(warnings.length > 0 ? [cautionText('What does not fit into its computer:', warnings, columns)] : []),
  ];
  return texts.join('\n');
}

/** For each connection that is, which it is and why. */
function rootEquivalents({ connections }: Settings): readonly string[] {
  return connections.flatMap(({ name, rootEquivalent }) =>
    rootEquivalent === undefined ? [] : [`Backend ${printable(name)}: ${printable(rootEquivalent)}`],
  );
}

function tooShort({ unikernel, deadline, usual, chain }: ShortDeadline): string {
  const how = chain.length > 1 ? `, one after the other: ${chain.join(', ')}` : '';
  return printable(`${unikernel}: ${durationText(usual)}${how}; its deadline is ${durationText(deadline)}`);
}

/** The most names that are told. */
const NAMED = 20;

function queriesAlone(names: readonly string[]): readonly string[] {
  if (names.length === 0) return [];
  const more = names.length > NAMED ? `, and ${names.length - NAMED} more` : '';
  const who = names.slice(0, NAMED).map(printable).join(', ');
  return [
    `${who}${more}: may be stopped in the middle of a connection. Add connections and traffic to the policies, before ttl, or leave the policies out.`,
  ];
}

function sharing({ endpoint, unikernels }: Jitsu['sharedEndpoints'][number]): string {
  return printable(`${endpoint}: ${unikernels.join(' and ')}`);
}

/** The text for a state store without a folder: `in memory`, or its name. */
function storeInWords({ name }: Settings['stateStore']['contribution']): string {
  return name === 'memory' ? 'in memory' : printable(name);
}

function column(head: string, index: number): Column<readonly (string | undefined)[]> {
  return { head, cell: (row) => row[index] ?? '' };
}

function forwarding({ dns: { forwarders, forwarderPort } }: Settings): string {
  if (forwarders === 'off') return 'refused';
  if (forwarders === 'system') return `forwarded to the servers of /etc/resolv.conf, port ${forwarderPort}`;
  const servers = forwarders.map(({ transport = 'udp', name, ...endpoint }) => {
    const scheme = transport === 'udp' ? '' : `${transport}://`;
    return `${scheme}${endpointText(endpoint)}${name === undefined ? '' : `#${name}`}`;
  });
  return `forwarded to ${servers.join(', ')}`;
}

/** The most unikernels shown; the layout of a longer table would take minutes. */
const SHOWN = 10_000;

type Known = Required<Pick<Asked, 'memoryOf' | 'heldBy'>>;

function unikernelTable(all: readonly UnikernelSettings[], known: Known, columns: number | undefined): string {
  const table = tableOf(all.slice(0, SHOWN), known, columns);
  return all.length <= SHOWN ? table : `${table}and ${all.length - SHOWN} more\n`;
}

function tableOf(unikernels: readonly UnikernelSettings[], known: Known, columns: number | undefined): string {
  const { memoryOf, heldBy } = known;
  const memory = new Map(unikernels.map((unikernel) => [unikernel, memoryOf(unikernel)]));
  const heldText = (unikernel: UnikernelSettings): string => heldBy(unikernel).map(printable).join('\n') || '-';
  const isHeld = unikernels.some((unikernel) => heldBy(unikernel).length > 0);
  const memoryText = (unikernel: UnikernelSettings): string => {
    const bytes = memory.get(unikernel);
    return bytes === undefined ? '-' : sizeText(bytes);
  };
  const all: readonly Column<UnikernelSettings>[] = [
    { head: 'UNIKERNEL', cell: ({ name }) => printable(name) },
    { head: 'BACKEND', cell: ({ backend }) => printable(backend) },
    { head: 'NAMES', cell: ({ names }) => names.map(printable).join('\n') },
    { head: 'ADDRESSES', cell: ({ addresses }) => addresses.join('\n') },
    { head: 'READY WHEN', cell: readyWhen },
    ...(isHeld ? [{ head: 'HELD BY', cell: heldText }] : []),
    ...([...memory.values()].some((bytes) => bytes !== undefined) ? [{ head: 'MEMORY', cell: memoryText }] : []),
    { head: 'STOP', cell: ({ stopMode }) => stopMode },
    { head: 'POLICY', cell: ({ stopPolicies }) => stopPolicies.map(({ words }) => printable(words)).join('\n') || '-' },
    { head: 'TTL', cell: ({ ttl }) => durationText(ttl) },
  ];
  const table = textTable(all, unikernels);
  if (columns === undefined || widthOf(table) <= columns) return table;
  return textTable(
    all.filter(({ head }) => !['STOP', 'POLICY', 'TTL'].includes(head)),
    unikernels,
  );
}

function readyWhen({ ready, delay }: UnikernelSettings): string {
  const conditions = ready.map(({ words }) => printable(words));
  if (delay > 0) conditions.push(`${conditions.length > 0 ? '+ ' : 'booted + '}${durationText(delay)}`);
  return conditions.join('\n') || 'booted';
}
