import type { NameStatus, UnikernelStatus } from './status-report.js';
import type { NameCounter } from '../lifecycle/name-counter.js';
import type { Reaper } from '../lifecycle/reaper.js';
import type { Unikernel } from '../lifecycle/unikernel.js';

/** What there is to tell of a unikernel at this moment. */
export function statusOf(unikernel: Unikernel, reaper: Reaper): UnikernelStatus {
  const { plan, state, domainId, addresses, macs, startedAt, totalStarts, failure } = unikernel;
  const { name, id, backendName, ttl, stopMode } = plan;
  const stopAt = reaper.stopAt(unikernel);
  const names = unikernel.isCounted
    ? [...unikernel.counters.values()].map(nameStatusOf)
    : plan.names.map((dnsName) => ({ name: dnsName, requests: 0 }));
  return {
    ...{ name, id, backend: backendName, addresses, ttl, stopMode, state, phase: phaseOf(unikernel) },
    ...{ macs, totalStarts, names },
    ...(domainId !== undefined && { domainId }),
    ...(startedAt !== undefined && { startedAt }),
    ...(stopAt !== undefined && { stopAt }),
    ...(failure !== undefined && { failure }),
  };
}

function nameStatusOf({ name, requests, lastAsked }: NameCounter): NameStatus {
  return { name, requests, ...(lastAsked !== undefined && { lastAsked }) };
}

function phaseOf({ ready, summon, stopping, failure, state }: Unikernel): UnikernelStatus['phase'] {
  if (stopping) return 'stopping';
  if (summon) return 'summoning';
  if (ready) return 'ready';
  if (failure) return 'failing';
  return state === 'running' ? 'running' : 'down';
}
