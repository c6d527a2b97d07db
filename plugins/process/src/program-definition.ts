import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import type { ProcessPlan } from './process-plan.js';

/** How a unikernel was defined when its process was started: kept with its record, for the next Jitsu to compare. */
export interface ProgramDefinition {
  /** The name of the unikernel. */
  readonly name: string;
  /** The configured addresses. */
  readonly ip: readonly string[];
  /** What each option was, by a digest: variables may hold secrets. */
  readonly options: Readonly<Record<string, string>>;
}

/** The length of a digest, which only has to tell two definitions apart. */
const DIGEST_LENGTH = 16;

/** The most of each kind in a record that is believed: another user may have written it. */
const MOST_ENTRIES = 1_000;
/** As the configuration has it. */
const NAME = /^[^\p{Cc}]{1,200}$/u;

/**
 * Not part of it are the names behind which it stands, how it is looked for and stopped, and limits that are set anew for
 * what runs.
 */
export function definitionOf(plan: Omit<ProcessPlan, 'id'>): ProgramDefinition {
  const { name, words, cwd, hasOwnCwd, env, account, confinement = {}, ip = [] } = plan;
  const { groups, umask, files, control, newPrivileges, environmentFile, listen } = confinement;
  const options: Readonly<Record<string, unknown>> = {
    command: words,
    // One without a folder of its own runs wherever Jitsu was started.
    cwd: hasOwnCwd ? cwd : undefined,
    env: Object.entries(env).sort(([one], [other]) => (one < other ? -1 : 1)),
    environmentFile,
    user: account && [account.uid, account.gid],
    groups,
    umask,
    limits: [files, control !== undefined],
    noNewPrivileges: newPrivileges,
    listen,
  };
  const digests = Object.entries(options).map(([key, value]) => [key, digestOf(value)] as const);
  return { name, ip, options: Object.fromEntries(digests) };
}

/**
 * What differs between two definitions, as `command, env and ip`; `undefined` where nothing does. Of an option that only
 * one of them tells of, since another version of Jitsu has written it, nobody knows whether it has changed.
 */
export function changesBetween(before: ProgramDefinition, now: ProgramDefinition): string | undefined {
  const changed = Object.keys(now.options).filter((key) => {
    const digest = before.options[key];
    return digest !== undefined && digest !== now.options[key];
  });
  if ([...before.ip].sort().join() !== [...now.ip].sort().join()) changed.push('ip');
  const last = changed.pop();
  return changed.length === 0 ? last : `${changed.join(', ')} and ${last ?? ''}`;
}

/** A definition as it was read from a record; `undefined` for anything else. */
export function toDefinition(value: unknown): ProgramDefinition | undefined {
  const { name, ip, options } = (value ?? {}) as Partial<Record<keyof ProgramDefinition, unknown>>;
  if (typeof name !== 'string' || !NAME.test(name) || !Array.isArray(ip)) return undefined;
  if (ip.length > MOST_ENTRIES || !ip.every((address) => typeof address === 'string' && isIP(address) > 0))
    return undefined;
  if (typeof options !== 'object' || options === null) return undefined;
  const digests = Object.entries(options);
  if (digests.length > MOST_ENTRIES || !digests.every(([, digest]) => typeof digest === 'string')) return undefined;
  return { name, ip, options: Object.fromEntries(digests) };
}

function digestOf(value: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify([value]))
    .digest('base64url')
    .slice(0, DIGEST_LENGTH);
}
