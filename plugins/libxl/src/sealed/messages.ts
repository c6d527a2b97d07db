import type { FixedPlan } from '../guest.js';
import type { XenParts } from '../xen-host.js';

/** What the process of root is told once, before anything comes by its socket. */
export interface Seal {
  /** The folder for the memory of suspended guests. */
  readonly saves: string;
  readonly guests: readonly FixedPlan[];
  readonly parts?: XenParts;
}

/** The steps of a {@link Guest}, by which each names its parameters. */
const OF_GUEST = ['find', 'savedMemory', 'forgetMemory', 'restore'] as const;
const OF_DOMAIN = ['macs', 'pause', 'unpause', 'powerOff', 'save', 'destroy'] as const;

type StepOfGuest = (typeof OF_GUEST)[number];
type StepOfDomain = (typeof OF_DOMAIN)[number];

/** What Jitsu asks of the process of root. */
export type Order =
  | { readonly id: number; readonly guest: string; readonly step: StepOfGuest }
  | { readonly id: number; readonly guest: string; readonly step: StepOfDomain; readonly domain: number }
  | { readonly id: number; readonly guest: string; readonly step: 'create'; readonly words?: string }
  /** The save with this id is not waited for any more. */
  | { readonly id: number; readonly step: 'abort' };

/** The error of a step. */
export interface Failure {
  readonly code: string;
  readonly message: string;
}

/** What the process of root says. */
export type Report =
  /** Xen can be used, or why not. */
  | { readonly kind: 'open' }
  | { readonly kind: 'unusable'; readonly failure: Failure }
  | { readonly kind: 'result'; readonly id: number; readonly result?: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly failure: Failure }
  /** As {@link XenListener}. */
  | { readonly kind: 'changed' }
  | { readonly kind: 'lost'; readonly failure: Failure }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly fields: object; readonly message: string };

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** The most bytes of an order: the words for a command line are the longest part of one. */
export const LONGEST_ORDER = 64 * 1024;

/** The largest domain id that Xen gives (DOMID_FIRST_RESERVED in xen.h). */
const LAST_DOMAIN = 0x7fef;

/** An order of whatever form; undefined where it is none. */
export function readOrder(message: unknown): Order | undefined {
  if (typeof message !== 'object' || message === null || Array.isArray(message)) return undefined;
  const { id, guest, step, domain, words, ...rest } = message as Readonly<Record<string, unknown>>;
  if (Object.keys(rest).length > 0 || !isIn(id, 1, Number.MAX_SAFE_INTEGER)) return undefined;
  if (step === 'abort') return [guest, domain, words].every(isAbsent) ? { id, step } : undefined;
  if (typeof guest !== 'string') return undefined;
  if (step === 'create') {
    if (!isAbsent(domain) || !(isAbsent(words) || typeof words === 'string')) return undefined;
    return { id, guest, step, ...(words !== undefined && { words }) };
  }
  if (!isAbsent(words)) return undefined;
  const ofGuest = OF_GUEST.find((name) => name === step);
  if (ofGuest !== undefined) return isAbsent(domain) ? { id, guest, step: ofGuest } : undefined;
  const ofDomain = OF_DOMAIN.find((name) => name === step);
  if (ofDomain === undefined || !isIn(domain, 1, LAST_DOMAIN)) return undefined;
  return { id, guest, step: ofDomain, domain };
}

function isAbsent(value: unknown): value is undefined {
  return value === undefined;
}

function isIn(value: unknown, least: number, most: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
}
