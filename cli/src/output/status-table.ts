import type { Milliseconds } from '@jitsud/core';
import type { NameStatus, StatusReport, UnikernelStatus } from '@jitsud/core/control';
import { cacheText } from './cache-text.js';
import { durationText } from './duration-text.js';
import { endpointText } from './endpoint-text.js';
import { momentText } from './moment-text.js';
import { printable } from './printable.js';
import { textTable, widthOf, type Column } from './text-table.js';
import { failureText, stateWord, stopsIn } from './unikernel-state.js';
import { wrapped } from './wrapped.js';

/**
 * Formats the report: a line about Jitsu itself, its unikernels with one line per DNS name, its cache, and the status
 * of its notifiers. If the terminal is too narrow for all columns, the less important ones move to a second line.
 */
export function statusTable(report: StatusReport, columns: number | undefined): string {
  const { now, unikernels } = report;
  const notifiers = report.notifiers.map((notifier) => wrapped(notifierText(notifier), columns ?? Infinity));
  const facts = [...cacheText(report.dns.cache).map((text) => wrapped(text, columns ?? Infinity)), ...notifiers];
  const below = facts.length > 0 ? ['', ...facts] : [];
  if (unikernels.length === 0) return [headline(report), '', 'It serves no unikernel.', ...below, ''].join('\n');
  const wide = textTable(wideColumns(now), unikernels);
  const fits = columns === undefined || widthOf(wide) <= columns;
  const table = fits ? wide : narrowTable(unikernels, now);
  const failures = unikernels.flatMap((unikernel) => {
    const failure = failureText(unikernel, now);
    return failure === undefined ? [] : [wrapped(`${printable(unikernel.name)} ${failure}`, columns ?? Infinity)];
  });
  const reasons = failures.length > 0 ? ['', ...failures] : [];
  const { further } = report;
  const more =
    further === undefined ? [] : ['', `${further} more are not shown: nothing has happened to most of them.`];
  return [headline(report), '', table.trimEnd(), ...more, ...reasons, ...below, ''].join('\n');
}

/** `notifier synjitsu: connected: domain 3, port synjitsu` */
function notifierText({ name, connected, detail }: StatusReport['notifiers'][number]): string {
  return `notifier ${name}: ${connected ? 'connected' : 'NOT CONNECTED'}: ${printable(detail)}`;
}

/** `Jitsu 0.1.0 (pid 4711), up 3 min, answers on 127.0.0.1:10053` */
function headline({ version, pid, now, startedAt, listening }: StatusReport): string {
  return `Jitsu ${version} (pid ${pid}), up ${durationText(now - startedAt)}, answers on ${listening.map(endpointText).join(', ')}`;
}

function wideColumns(now: Milliseconds): readonly Column<UnikernelStatus>[] {
  return [
    { head: 'UNIKERNEL', cell: ({ name }) => printable(name) },
    { head: 'BACKEND', cell: ({ backend }) => printable(backend) },
    { head: 'STATE', cell: stateWord },
    { head: 'NAMES', cell: ({ names }) => names.map(({ name }) => printable(name)).join('\n') },
    { head: 'ADDRESSES', cell: ({ addresses }) => addresses.join('\n') },
    { head: 'STARTED', cell: ({ startedAt }) => (startedAt === undefined ? '-' : momentText(startedAt, now)) },
    { head: 'STARTS', align: 'right', cell: ({ totalStarts }) => String(totalStarts) },
    { head: 'REQUESTS', align: 'right', cell: requests },
    { head: 'LAST REQUEST', cell: (unikernel) => lastRequests(unikernel, now) },
    { head: 'STOPS IN', cell: (unikernel) => stopsIn(unikernel, now) },
  ];
}

function narrowTable(unikernels: readonly UnikernelStatus[], now: Milliseconds): string {
  const columns: readonly Column<UnikernelStatus>[] = [
    { head: 'UNIKERNEL', cell: ({ name }) => printable(name) },
    { head: 'STATE', cell: stateWord },
    { head: 'NAMES', cell: ({ names }) => names.map(({ name }) => printable(name)).join('\n') },
    { head: 'REQUESTS', align: 'right', cell: requests },
    { head: 'LAST REQUEST', cell: (unikernel) => lastRequests(unikernel, now) },
    { head: 'STOPS IN', cell: (unikernel) => stopsIn(unikernel, now) },
  ];
  const [head = '', ...lines] = textTable(columns, unikernels).trimEnd().split('\n');
  const body = unikernels.flatMap((unikernel) => {
    const own = lines.splice(0, Math.max(1, unikernel.names.length));
    return [...own, `  ${quietLine(unikernel, now)}`];
  });
  return [head, ...body].join('\n');
}

function quietLine({ backend, addresses, startedAt, totalStarts }: UnikernelStatus, now: Milliseconds): string {
  const starts = totalStarts === 1 ? '1 start' : `${totalStarts} starts`;
  const started = startedAt === undefined ? starts : `${starts}, the last at ${momentText(startedAt, now)}`;
  return `${printable(backend)}, ${addresses.join(' ')}, ${started}`;
}

function requests({ names }: UnikernelStatus): string {
  return names.map((name) => String(name.requests)).join('\n');
}

function lastRequests({ names }: UnikernelStatus, now: Milliseconds): string {
  return names.map((name) => lastRequest(name, now)).join('\n');
}

function lastRequest({ lastAsked }: NameStatus, now: Milliseconds): string {
  return lastAsked === undefined ? '-' : `${durationText(now - lastAsked)} ago`;
}
