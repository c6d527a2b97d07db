/**
 * Stands in for the process that has libxl, with domains as files in the folder of FAKE_XEN_DOMAINS. A guest with the
 * name `aborts` ends it by an assertion while it is created; one with the name `hangs` is never created.
 */
import { appendFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FakeDomain } from './fake-xen.js';

interface Request {
  readonly id: number;
  readonly operation: string;
  readonly parameters: readonly (string | number)[];
}

const folder = process.env['FAKE_XEN_DOMAINS'] ?? '';
const fileOf = (domain: number): string => join(folder, String(domain));
const ids = (): number[] => readdirSync(folder).map(Number).filter(Number.isInteger);

function read(domain: number): FakeDomain | undefined {
  return ids().includes(domain) ? (JSON.parse(readFileSync(fileOf(domain), 'utf8')) as FakeDomain) : undefined;
}

function write(domain: number, changes: Partial<FakeDomain>): void {
  writeFileSync(fileOf(domain), JSON.stringify({ ...read(domain), ...changes }));
}

function make(json: string, memory: string): number {
  const { c_info: info, b_info: build } = JSON.parse(json) as {
    readonly c_info: { readonly uuid: string; readonly name: string };
    readonly b_info: { readonly kernel: string; readonly cmdline?: string };
  };
  if (info.name === 'aborts') {
    process.stderr.write("libxl: libxl_create.c:1: f: Assertion `ours' failed.\n");
    process.abort();
  }
  const domain = Math.max(0, ...ids()) + 1;
  const { cmdline = '' } = build;
  write(domain, { uuid: info.uuid, kernel: build.kernel, cmdline, memory, paused: true, madeBy: process.getuid?.() });
  return domain;
}

const operations: Readonly<Record<string, (...parameters: never[]) => unknown>> = {
  create: (json: string) => make(json, ''),
  restore: (json: string, path: string) => make(json, readFileSync(path, 'utf8')),
  save: (domain: number, path: string) => {
    writeFileSync(path, `memory of ${domain}`, { flag: 'wx', mode: 0o600 });
    write(domain, { shutdown: true, shutdown_reason: 'suspend' });
  },
  pause: (domain: number) => write(domain, { paused: true }),
  unpause: (domain: number) => write(domain, { paused: false, cpu_time: 1 }),
  destroy: (domain: number) => rmSync(fileOf(domain)),
  host: () => JSON.stringify({ nr_cpus: 4, total_pages: 65_536, free_pages: 5 }),
  info: (domain: number) => {
    const found = read(domain);
    return found === undefined ? null : JSON.stringify(found);
  },
};

process.send?.({ kind: 'ready', version: '4.17' });
process.on('message', ({ id, operation, parameters }: Request) => {
  if (operation !== 'info') appendFileSync(join(folder, 'calls'), `${operation} ${parameters.join(' ')}\n`);
  if (operation === 'create' && String(parameters[0]).includes('"hangs"')) return;
  try {
    const result = operations[operation]?.(...(parameters as never[]));
    process.send?.({ kind: 'result', id, ...(result !== undefined && { result }) });
  } catch (error) {
    const log = [(error as Error).message];
    process.send?.({ kind: 'failure', id, failure: { kind: 'refused', code: 'ERROR_FAIL', log } });
  }
});
