import type { UnikernelSettings } from '../config/settings.js';
import type { BootConfigurator } from '../contracts/boot-configurator.js';
import type { Clock } from '../contracts/clock.js';
import type { Logger } from '../contracts/logger.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import { errorCode, errorMessage } from '../errors.js';
import type { GuardedBackend } from '../lifecycle/guarded-backend.js';
import { limitedClose } from './limited-close.js';
import { settledWithin } from './settled-within.js';

/** How long a backend may take to answer for all its unikernels. */
const LIMIT: Milliseconds = 30_000;

/** The number of unikernels that a backend is asked about concurrently. */
const AT_ONCE = 64;

/** What a start would not find now. */
export interface BackendFinding {
  /** The name of the connection. */
  readonly backend: string;
  readonly code: string;
  readonly message: string;
  /** Whether a start goes well all the same. */
  readonly isWarning?: true;
}

/**
 * Asks backends whether they can be reached, and have what their unikernels need. Nothing is changed, and everything is
 * closed again.
 */
export async function checkBackends(
  backends: Iterable<GuardedBackend>,
  unikernels: readonly UnikernelSettings[],
  context: {
    readonly bootConfigurators: readonly BootConfigurator[];
    /** How much memory a unikernel may have, in bytes, as far as that is known. */
    readonly memoryOf: (unikernel: UnikernelSettings) => number | undefined;
    readonly clock: Clock;
    readonly logger: Logger;
  },
): Promise<readonly BackendFinding[]> {
  const findings: BackendFinding[] = [];
  const asked = [...backends].map(async (backend) => {
    const own = unikernels.filter((unikernel) => unikernel.backend === backend.name);
    const find = (error: unknown): void => {
      const code = errorCode(error) ?? 'JITSU_BACKEND_FAILED';
      findings.push({ backend: backend.name, code, message: errorMessage(error) });
    };
    const looked = check(backend, own, context.bootConfigurators, find)
      .then(() => largerThanHost(backend, own, context.memoryOf))
      .then((warnings) => findings.push(...warnings), find);
    const [outcome] = await settledWithin([looked], LIMIT, context.clock);
    if (outcome === undefined) {
      const message = `The backend ${backend.name} has not answered within ${LIMIT / 1_000} s.`;
      findings.push({ backend: backend.name, code: 'JITSU_BACKEND_UNREACHABLE', message });
    }
    await limitedClose(`The backend ${backend.name}`, () => backend.close(), context).catch(find);
  });
  await Promise.all(asked);
  return findings;
}

async function check(
  backend: GuardedBackend,
  unikernels: readonly UnikernelSettings[],
  bootConfigurators: readonly BootConfigurator[],
  find: (error: unknown) => void,
): Promise<void> {
  try {
    if (!backend.canCheck) await backend.connect();
  } catch (error) {
    return find(error);
  }
  const configurators = backend.capabilities.bootConfigurators ? bootConfigurators : [];
  for (let first = 0; first < unikernels.length; first += AT_ONCE) {
    const batch = unikernels.slice(first, first + AT_ONCE).map(async ({ name, options, addresses }) => {
      await backend.check({ name, options, addresses });
      for (const configurator of configurators) await configurator.check?.({ name, options });
    });
    const reasons = (await Promise.allSettled(batch)).flatMap((outcome) =>
      outcome.status === 'rejected' ? [outcome.reason as unknown] : [],
    );
    const ofBackend = reasons.find((reason) => errorCode(reason)?.startsWith('JITSU_UNIKERNEL_') !== true);
    // The others could not say more.
    if (ofBackend !== undefined) return find(ofBackend);
    for (const reason of reasons) find(reason);
  }
}

/** A warning for each unikernel that may have more memory than there is. */
async function largerThanHost(
  backend: GuardedBackend,
  unikernels: readonly UnikernelSettings[],
  memoryOf: (unikernel: UnikernelSettings) => number | undefined,
): Promise<readonly BackendFinding[]> {
  const sized = unikernels.flatMap((unikernel) => {
    const memory = memoryOf(unikernel);
    return memory === undefined ? [] : [{ name: unikernel.name, memory }];
  });
  const host = sized.length === 0 ? undefined : await backend.hostMemory();
  if (host === undefined) return [];
  return sized
    .filter(({ memory }) => memory > host)
    .map(({ name, memory }) => ({
      backend: backend.name,
      code: 'JITSU_UNIKERNEL_INVALID',
      message: `${name} may have ${mebibytes(memory)} MiB of memory, and its computer has ${mebibytes(host)}.`,
      isWarning: true,
    }));
}

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}
