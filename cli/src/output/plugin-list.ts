import type { InstalledPlugin, Offer } from '@jitsud/core';
import { printable } from './printable.js';
import { textTable, widthOf, type Column } from './text-table.js';
import { wrapped } from './wrapped.js';

/** Lists the installed plugins with version, supported API and contributions, or the reason why they are unusable. */
export function pluginList(builtIns: readonly Offer[], plugins: readonly InstalledPlugin[], columns = 100): string {
  const entries = plugins.map(({ name, version, api, folder, offers, error }) => {
    const head = `${printable(name)} ${printable(version ?? '')}`.trimEnd();
    const state = error === undefined ? 'can be used' : 'CANNOT BE USED';
    const reason = error === undefined ? offerLines(offers, columns) : wrapped(reasonText(error), columns, '  ');
    return `${head} (plugin API ${printable(api)}): ${state}\n${reason}\n  in ${printable(folder)}`;
  });
  const own = `Jitsu itself\n${offerLines(builtIns, columns)}`;
  const none = plugins.length === 0 ? ['No plugin is installed. Without a backend, nothing can be summoned.'] : [];
  return `${[own, ...entries, ...none].join('\n\n')}\n`;
}

/** Why a plugin cannot be used. */
export function reasonText({ code, message }: NonNullable<InstalledPlugin['error']>): string {
  return code === undefined ? printable(message) : `${code}  ${printable(message)}`;
}

function offerLines(offers: readonly Offer[], columns: number): string {
  if (offers.length === 0) return '  offers nothing';
  const labels: readonly Column<Offer>[] = [
    { head: '', cell: ({ kind }) => `  ${kind}` },
    { head: '', cell: ({ name }) => printable(name) },
  ];
  const room = columns - widthOf(textTable(labels, offers)) - 2;
  const description: Column<Offer> = { head: '', cell: ({ description: text }) => wrapped(printable(text), room) };
  return textTable([...labels, description], offers).trimEnd();
}
