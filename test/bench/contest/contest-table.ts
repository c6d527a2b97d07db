import { printTable } from '../table.js';
import { CONTEST_RULES, type ContestResult } from './contest.js';

/** Prints what came of a contest, each figure also as a multiple of the C servers' and of the bare echo's. */
export function printContest(title: string, results: readonly ContestResult[]): void {
  const byLabel = (start: string | undefined): ContestResult | undefined =>
    start === undefined ? undefined : results.find(({ contestant }) => contestant.label.startsWith(start));
  const [unbound, dnsmasq] = [byLabel('Unbound'), byLabel('dnsmasq')];
  const rows = results.map(({ contestant, queriesPerSecond, processorPerQuery, lost }) => [
    ...[contestant.label, Math.round(queriesPerSecond).toString(), processorPerQuery.toFixed(1)],
    ratio(queriesPerSecond, unbound?.queriesPerSecond),
    ratio(processorPerQuery, unbound?.processorPerQuery),
    ratio(queriesPerSecond, dnsmasq?.queriesPerSecond),
    ratio(processorPerQuery, dnsmasq?.processorPerQuery),
    ratio(processorPerQuery, byLabel(contestant.echo)?.processorPerQuery),
    String(lost),
  ]);
  const head = ['', 'queries/s', 'CPU µs', 'q/s ÷ Unbound', 'CPU ÷ Unbound', 'q/s ÷ dnsmasq', 'CPU ÷ dnsmasq'];
  printTable(`${title} (${CONTEST_RULES})`, [[...head, 'CPU ÷ own echo', 'lost'], ...rows]);
}

function ratio(figure: number, base: number | undefined): string {
  return base === undefined ? '–' : (figure / base).toFixed(2);
}
