import type {
  FlushReport,
  GroupReport,
  KeepReport,
  StatusReport,
  SummonReport,
  UnikernelStatus,
} from './status-report.js';
import type { LifecycleEvent } from '../contracts/lifecycle-event.js';
import { shapeCheck, type Shape } from '../plugin-kit/value-shape.js';

const ENDPOINT: Shape = { address: 'string', port: 'number' };

const UNIKERNEL = {
  ...{ name: 'string', backend: 'string', addresses: ['string'], state: 'string', phase: 'string' },
  ...{
    'domainId?': 'number',
    'startedAt?': 'number',
    totalStarts: 'number',
    'stopAt?': 'number',
    'keptBy?': 'string',
    'keptUntil?': 'number',
    'answersAtOnce?': 'boolean',
    'outdated?': 'string',
    'neededBy?': ['string'],
    'armed?': 'boolean',
    'usuallyReadyIn?': 'number',
  },
  names: [{ name: 'string', requests: 'number', 'lastAsked?': 'number' }],
  'output?': ['string'],
  'outputProblem?': 'string',
  'failure?': { count: 'number', 'retryAt?': 'number', at: 'number', reason: 'string', code: 'string' },
} as const satisfies Shape;

const COUNTS: Shape = {
  hits: 'number',
  misses: 'number',
  stale: 'number',
  entries: 'number',
  bytes: 'number',
  size: 'number',
};

const STATUS: Shape = {
  ...{ version: 'string', pid: 'number', now: 'number', startedAt: 'number', 'configFile?': 'string' },
  'storeProblem?': 'string',
  'initProblem?': 'string',
  'lostDoormen?': [{ name: 'string', reason: 'string' }],
  ...{
    listening: [ENDPOINT],
    dns: { cache: COUNTS },
    unikernels: [UNIKERNEL],
    'strays?': [UNIKERNEL],
    'further?': 'number',
  },
  notifiers: [{ name: 'string', connected: 'boolean', detail: 'string' }],
};

const EVENT: Shape = {
  ...{
    kind: 'string',
    at: 'number',
    unikernel: 'string',
    'code?': 'string',
    'reason?': 'string',
    'duration?': 'number',
  },
  'cause?': {
    ...{ kind: 'string', 'name?': 'string', 'type?': 'string', 'client?': 'string', 'of?': 'string' },
    ...{ 'protocol?': 'string', 'port?': 'number', 'from?': 'string' },
  },
};

const SUMMONED = { ...UNIKERNEL, wasReady: 'boolean' } as const satisfies Shape;

const FAILURES: Shape = [{ unikernel: 'string', code: 'string', message: 'string' }];

/**
 * The replies of a running Jitsu, which may be of another version, with all that commands read of them. Each throws an
 * Error for anything else. Other fields are not looked at.
 */
export const reportOf = {
  status: (body: unknown): StatusReport => shaped(body, STATUS) as StatusReport,
  unikernel: (body: unknown): UnikernelStatus => shaped(body, UNIKERNEL) as UnikernelStatus,
  summon: (body: unknown): SummonReport => shaped(body, SUMMONED) as SummonReport,
  summonGroup: (body: unknown) => ofGroup<SummonReport>(body, SUMMONED),
  stopGroup: (body: unknown) => ofGroup<UnikernelStatus>(body, UNIKERNEL),
  keep: (body: unknown): KeepReport => shaped(body, { ...UNIKERNEL, isStored: 'boolean' }) as KeepReport,
  flush: (body: unknown): FlushReport => shaped(body, { flushed: 'number' }) as FlushReport,
  history: (body: unknown): readonly LifecycleEvent[] => shaped(body, [EVENT]) as readonly LifecycleEvent[],
};

function ofGroup<Report>(body: unknown, shape: Shape): GroupReport<Report> {
  return shaped(body, { unikernels: [shape], failures: FAILURES }) as GroupReport<Report>;
}

function shaped(body: unknown, shape: Shape): unknown {
  if (!shapeCheck(shape)(body)) throw new Error('it is no answer of a Jitsu');
  return body;
}
