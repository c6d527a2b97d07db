import type { Milliseconds } from '@jitsud/core';
import type { NameStatus, StatusReport, UnikernelStatus } from '@jitsud/core/control';
import { durationText } from './duration-text.js';
import { endpointText } from './endpoint-text.js';
import { momentText } from './moment-text.js';
import { printable } from './printable.js';
import { textTable, widthOf, type Column } from './text-table.js';
import { wrapped } from './wrapped.js';

const MEBIBYTE = 1_048_576;

/**
 * Formats the report: a line about Jitsu itself, its unikernels with one line per DNS name, its cache, and the status
 * of its notifiers. If the terminal is too narrow for all columns, the less important ones move to a second line.
 */
export function statusTable(report: StatusReport, columns: number | undefined): string {
  const { now, unikernels } = report;
  const notifiers = report.notifiers.map((notifier) => wrapped(notifierText(notifier), columns ?? Infinity));
  const facts = [...cacheText(report.dns.cache).map((text) => wrapped(text, columns ?? Infinity)), ...notifiers];
  const notes = [...runsAsText(report), ...problemTexts(report)].map((text) => wrapped(text, columns ?? Infinity));
  const strays = straysText(report).map((text) => wrapped(text, columns ?? Infinity));
  const below = [...(strays.length > 0 ? ['', ...strays] : []), ...(facts.length > 0 ? ['', ...facts] : [])];
  if (unikernels.length === 0)
    return [headline(report), ...notes, '', 'It serves no unikernel.', ...below, ''].join('\n');
  const wide = textTable(wideColumns(now), unikernels);
  const fits = columns === undefined || widthOf(wide) <= columns;
  const table = fits ? wide : narrowTable(unikernels, now);
  const failures = unikernels.flatMap((unikernel) => {
    const failure = failureText(unikernel, now);
    return failure === undefined ? [] : [wrapped(`${printable(unikernel.name)} ${failure}`, columns ?? Infinity)];
  });
  const isAlone = unikernels.length === 1;
  const kept = unikernels.flatMap((unikernel) => keptText(unikernel, now, isAlone));
  const outdated = unikernels.flatMap((unikernel) => outdatedText(unikernel));
  const armed = isAlone ? unikernels.flatMap((unikernel) => armedText(unikernel)) : [];
  const fallen = unikernels.flatMap(fallenBackText);
  const texts = [...kept, ...armed, ...fallen, ...outdated];
  const remarks = [...failures, ...texts.map((text) => wrapped(text, columns ?? Infinity))];
  if (isAlone) remarks.push(...unikernels.flatMap(usualText).map((text) => wrapped(text, columns ?? Infinity)));
  const reasons = remarks.length > 0 ? ['', ...remarks] : [];
  const { further } = report;
  const more =
    further === undefined ? [] : ['', `${further} more are not shown: nothing has happened to most of them.`];
  const output = unikernels.flatMap(outputText);
  return [headline(report), ...notes, '', table.trimEnd(), ...more, ...reasons, ...output, ...below, ''].join('\n');
}

/**
 * `web is kept by 2 connections, from 192.0.2.7, at least until 18:00:00`. What queries alone keep is told of one unikernel
 * alone, since the table has the time, and it holds for most.
 */
function keptText(
  { name, keptBy, stopAt, keptUntil, state }: UnikernelStatus,
  now: Milliseconds,
  isAlone: boolean,
): readonly string[] {
  const who = printable(name);
  if (keptBy === undefined) {
    if (keptUntil === undefined || state === 'running') return [];
    return [`${who} will be kept until ${momentText(keptUntil, now)} by jitsu keep, if it is started before.`];
  }
  if (keptBy === QUERIES && !isAlone) return [];
  const until = stopAt === undefined ? '' : `, at least until ${momentText(stopAt, now)}`;
  return [`${who} is kept by ${printable(keptBy)}${until}.`];
}

/** `A connection wakes web, too.`; of one unikernel alone, since it holds for all that a doorman guards. */
function armedText({ name, armed }: UnikernelStatus): readonly string[] {
  return armed === true ? [`A connection wakes ${printable(name)}, too: its first packet is held.`] : [];
}

/** `web is answered for when it is ready, not at once: …`; nothing where it is as configured. */
function fallenBackText({ name, answersAtOnce }: UnikernelStatus): readonly string[] {
  if (answersAtOnce !== false) return [];
  return [`${printable(name)} is answered for when it is ready, not at once: nothing holds its first packets now.`];
}

/** `web is usually ready 3.2 s after its start.`; nothing before its first boot. */
function usualText({ name, usuallyReadyIn }: UnikernelStatus): readonly string[] {
  if (usuallyReadyIn === undefined) return [];
  return [`${printable(name)} is usually ready ${durationText(usuallyReadyIn)} after its start.`];
}

/** What the policy `ttl` says. */
const QUERIES = 'queries';

/** `web runs by an earlier definition: its command and ip changed.`; nothing where that is the present one. */
function outdatedText({ name, outdated }: UnikernelStatus): readonly string[] {
  if (outdated === undefined) return [];
  return [
    `${printable(name)} runs by an earlier definition: its ${printable(outdated)} changed. It is started anew once it is not used any more, or after "jitsu stop".`,
  ];
}

/** `NOT CONFIGURED ANY MORE: old (process, running as 4711) at 127.0.0.9; "jitsu stop old" stops it`, one a line. */
function straysText({ strays = [] }: StatusReport): readonly string[] {
  return strays.map(({ name, backend, state, domainId, addresses }) => {
    const number = domainId === undefined ? '' : ` as ${domainId}`;
    const at = addresses.length === 0 ? '' : ` at ${addresses.map(printable).join(', ')}`;
    const which = `${printable(name)} (${printable(backend)}, ${printable(state)}${number})${at}`;
    return `NOT CONFIGURED ANY MORE: ${which}; "jitsu stop ${printable(name)}" stops it, and nothing else does`;
  });
}

/** What it wrote last, in a report of this one alone. */
function outputText({ name, output = [], outputProblem }: UnikernelStatus): readonly string[] {
  if (outputProblem !== undefined) {
    return ['', `What ${printable(name)} wrote last is not known: ${printable(outputProblem)}`];
  }
  return output.length === 0
    ? []
    : ['', `${printable(name)} wrote last:`, ...output.map((line) => `  ${printable(line)}`)];
}

/** `notifier synjitsu: connected: domain 3, port synjitsu` */
function notifierText({ name, connected, detail }: StatusReport['notifiers'][number]): string {
  return `notifier ${printable(name)}: ${connected ? 'connected' : 'NOT CONNECTED'}: ${printable(detail)}`;
}

/** `Jitsu 0.1.0 (pid 4711), up 3 min, answers on 127.0.0.1:10053`; it listens nowhere while it is starting. */
function headline({ version, pid, now, startedAt, listening }: StatusReport): string {
  const endpoints = printable(
    listening.map((at) => `${endpointText(at)}${at.absent ? ' (once this machine has the address)' : ''}`).join(', '),
  );
  const answers = listening.length === 0 ? 'does not answer yet' : `answers on ${endpoints}`;
  return `Jitsu ${printable(version)} (pid ${pid}), up ${durationText(now - startedAt)}, ${answers}`;
}

/** `runs as jitsu (uid 998); programs are started by a process of root, …`; nothing where root plays no part. */
function runsAsText({ runsAs }: StatusReport): readonly string[] {
  if (runsAs?.rootKept !== undefined) return [`runs as root, with all its rights: ${printable(runsAs.rootKept)}`];
  if (runsAs?.gaveUpRoot !== true) return [];
  const { name, uid } = runsAs;
  const user = name === undefined ? `the user with the number ${uid}` : `${printable(name)} (uid ${uid})`;
  return [`runs as ${user}; programs are started by a process of root, as their own users or, without one, as root`];
}

/** `WARNING: The store at … could not be written: …`; nothing where all is in order. */
function problemTexts({ storeProblem, initProblem, lostDoormen = [] }: StatusReport): readonly string[] {
  const losses = lostDoormen.map(
    ({ name, reason }) => `The doorman ${name} can hold no first packets: ${reason}. Until it can, only queries wake.`,
  );
  return [storeProblem, initProblem, ...losses].flatMap((problem) =>
    problem === undefined ? [] : [`WARNING: ${printable(problem)}`],
  );
}

function wideColumns(now: Milliseconds): readonly Column<UnikernelStatus>[] {
  return [
    { head: 'UNIKERNEL', cell: ({ name }) => printable(name) },
    { head: 'BACKEND', cell: ({ backend }) => printable(backend) },
    { head: 'STATE', cell: stateWord },
    { head: 'NAMES', cell: ({ names }) => names.map(({ name }) => printable(name)).join('\n') },
    { head: 'ADDRESSES', cell: ({ addresses }) => addresses.map(printable).join('\n') },
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
  return `${printable(backend)}, ${printable(addresses.join(' '))}, ${started}`;
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

/** The state of a unikernel in one word: what Jitsu is doing with it, or its power state. */
function stateWord({ phase, state }: UnikernelStatus): string {
  return printable(phase === 'down' ? state : phase);
}

/** Why its summons fail and when the next one may begin; `undefined` if they do not fail. */
function failureText({ phase, failure }: UnikernelStatus, now: Milliseconds): string | undefined {
  if (failure === undefined || (phase !== 'failing' && phase !== 'down')) return undefined;
  const times =
    failure.count === 0
      ? 'stopped answering'
      : failure.count === 1
        ? 'failed'
        : `failed ${failure.count} times in a row`;
  const wait = failure.retryAt === undefined ? Infinity : failure.retryAt - now;
  const next =
    wait === Infinity
      ? 'it is not tried again'
      : wait > 0
        ? `the next summon may begin in ${durationText(wait)}`
        : 'the next query tries again';
  const reason = printable(failure.reason).replace(/[.\s]+$/, '');
  // The reason of one that has stopped answering says itself what the next query does.
  const outlook = failure.count === 0 && wait <= 0 ? '' : `; ${next}`;
  return `${times}, ${durationText(now - failure.at)} ago (${printable(failure.code)}): ${reason}${outlook}.`;
}

/** The time until it stops if no further query comes. */
function stopsIn({ stopAt }: UnikernelStatus, now: Milliseconds): string {
  if (stopAt === undefined || !Number.isFinite(stopAt)) return '-';
  return stopAt <= now ? 'now' : durationText(stopAt - now);
}

/** `cache: 812 answers in 0.5 of 32 MiB, for 1200 of 2012 forwarded queries`; empty if no query was ever forwarded. */
function cacheText({ hits, misses, stale, entries, bytes, size }: StatusReport['dns']['cache']): readonly string[] {
  const asked = hits + misses + stale;
  if (asked === 0) return [];
  const room = `${inMebibytes(bytes)} of ${inMebibytes(size)} MiB`;
  return [
    `cache: ${entries} ${entries === 1 ? 'answer' : 'answers'} in ${room}, for ${hits + stale} of ${asked} forwarded queries`,
  ];
}

function inMebibytes(bytes: number): string {
  return (bytes / MEBIBYTE).toFixed(1).replace('.0', '');
}
