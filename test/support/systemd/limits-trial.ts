/**
 * Runs in a booted guest, as root: starts Jitsu as its documented unit does, and finds out what becomes of programs that
 * want more than their limits. It writes what it has found, as JSON, to the machine's port.
 */
import { execFile } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { ControlClient, type UnikernelStatus } from '#core/control/index.js';

const UNIT = '/sys/fs/cgroup/system.slice/jitsu.service';
const LOG = '/run/jitsu.log';
const PATIENCE = 300_000;

/** What the test makes of it. */
export type Findings = Readonly<Record<string, unknown>>;

const run = promisify(execFile);
const control = new ControlClient('/run/jitsu/control.sock');
const found: Record<string, unknown> = {};

async function systemctl(...words: readonly string[]): Promise<string> {
  const asked = run('systemctl', words).catch((error: unknown) => ({ stdout: `failed: ${String(error)}` }));
  return (await asked).stdout;
}

function read(...path: readonly string[]): string {
  try {
    return readFileSync(join(...path), 'utf8').trim();
  } catch (error) {
    return `unread: ${(error as NodeJS.ErrnoException).code}`;
  }
}

async function until<T>(what: string, look: () => T | undefined | Promise<T | undefined>): Promise<T | undefined> {
  for (const end = Date.now() + PATIENCE; Date.now() < end; await sleep(100)) {
    const seen = await Promise.resolve(look()).catch(() => undefined);
    if (seen !== undefined) return seen;
  }
  found[`waited in vain: ${what}`] = [read(LOG).slice(-2000), await systemctl('status', 'jitsu')];
  return undefined;
}

async function statusOf(name: string): Promise<UnikernelStatus | undefined> {
  return (await control.status()).unikernels.find((unikernel) => unikernel.name === name);
}

/** It answers before it knows all of its unikernels. */
const adopted = (status: UnikernelStatus | undefined): UnikernelStatus | undefined =>
  status?.domainId === undefined ? undefined : status;

const groupOf = async (name: string): Promise<string> => `unikernel-${(await statusOf(name))?.id}`;

async function answers(pidBefore = 0): Promise<number | undefined> {
  return until('Jitsu answers', async () => {
    // Before it listens, it boots nothing yet.
    const { pid, listening } = await control.status();
    return pid === pidBefore || listening.length === 0 ? undefined : pid;
  });
}

/** Where a process is, and what holds it. */
function held(pid: number): Findings {
  const [, path = ''] = /^0::(.*)$/m.exec(read('/proc', String(pid), 'cgroup')) ?? [];
  const group = join('/sys/fs/cgroup', path);
  return {
    user: Number(/^Uid:\s+(\d+)/m.exec(read('/proc', String(pid), 'status'))?.[1]),
    group: path.replace(/unikernel-[0-9a-f-]+$/, 'unikernel-ID'),
    ...Object.fromEntries(
      ['memory.max', 'memory.swap.max', 'cpu.max', 'pids.max'].map((file) => [file, read(group, file)]),
    ),
  };
}

const groups = (): readonly string[] =>
  existsSync(UNIT) ? readdirSync(UNIT).filter((name) => name.startsWith('unikernel-')) : [];

async function memory(): Promise<void> {
  await control.summon('hog');
  const group = await groupOf('hog');
  found['hog'] = await until('the hog ends', () => /hog: died: (.*)/.exec(read(LOG))?.[1]);
  found['hog: its group is removed'] = await until('removed', () => (existsSync(join(UNIT, group)) ? undefined : true));
}

async function processes(): Promise<void> {
  await control.summon('bomb');
  const group = join(UNIT, await groupOf('bomb'));
  await until('the bomb explodes', () => (/^max [1-9]/m.test(read(group, 'pids.events')) ? true : undefined));
  let most = 0;
  for (let looks = 0; looks < 10; looks += 1) {
    most = Math.max(most, Number(read(group, 'pids.current')));
    await sleep(50);
  }
  found['bomb: most processes'] = most;
  const asked = Date.now();
  await control.stop('bomb');
  found['bomb: stopped within'] = Date.now() - asked;
  found['bomb: nothing is left'] = await until('removed', () => (existsSync(group) ? undefined : true));
}

async function cpu(): Promise<void> {
  await control.summon('spin');
  const stat = join(UNIT, await groupOf('spin'), 'cpu.stat');
  const used = (): number => Number(/^usage_usec (\d+)$/m.exec(read(stat))?.[1]);
  const [start, before] = [process.hrtime.bigint(), used()];
  await sleep(5_000);
  found['spin: share'] = ((used() - before) * 1000) / Number(process.hrtime.bigint() - start);
  found['spin: throttled'] = Number(/^nr_throttled (\d+)$/m.exec(read(stat))?.[1]);
  await control.stop('spin');
}

async function probe(): Promise<number> {
  await control.summon('web');
  const { domainId = 0 } = (await statusOf('web')) ?? {};
  found['web'] = held(domainId);
  found['web: its probe ran in the same group'] = read('/tmp/probe') === read('/proc', String(domainId), 'cgroup') || [
    read('/tmp/probe'),
    held(domainId),
  ];
  found['web: its variables'] = read('/proc', String(domainId), 'environ')
    .split('\0')
    .filter((line) => /^(with\.dot|PLAIN)=/.test(line))
    .toSorted();
  return domainId;
}

async function escape(): Promise<void> {
  await control.summon('runaway');
  const pid = await until('it runs away', () => {
    const text = read('/tmp/runaway');
    return /^\d+$/.test(text) ? Number(text) : undefined;
  });
  const group = join(UNIT, await groupOf('runaway'));
  await control.stop('runaway');
  found['runaway: it ends with its unikernel'] = await until('it ends', () =>
    existsSync(`/proc/${String(pid)}`) || existsSync(group) ? undefined : true,
  );
}

async function trial(): Promise<void> {
  found['systemd'] = (await run('systemctl', ['--version'])).stdout.split('\n')[0];
  mkdirSync('/etc/systemd/system/jitsu.service.d', { recursive: true });
  writeFileSync('/etc/systemd/system/jitsu.service', readFileSync('/workspace/jitsu.service'));
  writeFileSync('/etc/jitsu/jitsu.config.yaml', readFileSync('/workspace/jitsu.config.yaml'));
  // There is no journal here.
  const output = `[Service]\nStandardOutput=append:${LOG}\nStandardError=append:${LOG}\n`;
  writeFileSync('/etc/systemd/system/jitsu.service.d/output.conf', output);
  await systemctl('daemon-reload');
  await systemctl('start', 'jitsu');
  const first = await answers();
  found['groups at first'] = groups();

  await memory();
  await processes();
  await cpu();
  await escape();
  const web = await probe();
  await control.summon('free');
  found['free'] = held((await statusOf('free'))?.domainId ?? 0);
  found['Jitsu'] = held(first ?? 0);
  found['warnings'] = read(LOG)
    .split('\n')
    .filter((line) => !line.includes('"level":"info"'));

  // Where the next Jitsu is about to adopt it, its limits may be off for a moment.
  const again = async (what: string, before: number | undefined): Promise<number | undefined> => {
    const now = await answers(before);
    const { domainId = 0, phase } = (await until('web is adopted', async () => adopted(await statusOf('web')))) ?? {};
    await until('web is held', () => (held(domainId)['pids.max'] === '10' ? true : undefined));
    found[`${what}: web`] = { isTheSame: domainId === web, phase, ...held(domainId) };
    return now;
  };
  await systemctl('restart', 'jitsu');
  const second = await again('restart', first);
  process.kill(second ?? 0, 'SIGKILL');
  const third = await again('crash', second);
  found['a third Jitsu'] = third !== second;
  await control.stop('web');
  found['groups at last'] = await until('no group is left', () => (groups().length === 0 ? [] : undefined));

  await control.stop('free');
  await systemctl('stop', 'jitsu');
  writeFileSync('/etc/systemd/system/jitsu.service.d/undelegated.conf', '[Service]\nDelegate=no\nRestart=no\n');
  await systemctl('daemon-reload');
  writeFileSync(LOG, '');
  await systemctl('start', 'jitsu');
  found['undelegated'] = await until('it is refused', () => (read(LOG).includes('elegate') ? read(LOG) : undefined));
}

const port = readdirSync('/dev').find((name) => /^vport\d+p1$/.test(name));
try {
  await trial();
} catch (error) {
  found['failed'] = error instanceof Error ? error.stack : error;
  found['log'] = read(LOG);
}
appendFileSync(join('/dev', port ?? 'ttyS0'), `${JSON.stringify(found)}\n`);
