import type { StateStore, StoredRegistration } from '../contracts/state-store.js';
import type { Unikernel } from '../lifecycle/unikernel.js';

/** The number of registrations per write to the store. */
const SAVED_AT_ONCE = 10_000;

/** Saves the registrations of those that have their machines. */
export async function saveRegistrations(
  store: Pick<StateStore, 'saveRegistrations'>,
  unikernels: Iterable<Unikernel>,
): Promise<void> {
  let batch: StoredRegistration[] = [];
  for (const unikernel of unikernels) {
    if (unikernel.plan.id === '') continue;
    if (batch.push(registrationOf(unikernel)) < SAVED_AT_ONCE) continue;
    await store.saveRegistrations(batch);
    batch = [];
  }
  await store.saveRegistrations(batch);
}

function registrationOf({ plan }: Unikernel): StoredRegistration {
  const { name, id, backendName, names, addresses, ttl, stopMode } = plan;
  return { unikernel: name, backend: backendName, ...{ id, names, addresses, ttl, stopMode } };
}
