import { JitsuError } from '@jitsud/core/plugin';
import { apiFailure, inWords } from './api-failure.js';
import type { PoolConnection } from './pool-connection.js';

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * XenAPI's reference to a host, by its UUID or its name.
 * @throws JITSU_UNIKERNEL_INVALID where the pool has no such host, or several
 * @throws JITSU_BACKEND_UNREACHABLE
 */
export async function hostReference(pool: PoolConnection, unikernel: string, host: string): Promise<string> {
  const found = await find(pool, host).catch((error: unknown) => {
    const failure = apiFailure(error);
    if (!failure) throw error;
    throw refused(pool, unikernel, `does not find the host '${host}': it said ${inWords(failure)}`, error);
  });
  if (found.length === 1 && found[0] !== undefined) return found[0];
  const count = found.length === 0 ? 'no host' : `${found.length} hosts`;
  throw refused(pool, unikernel, `has ${count} called '${host}'`);
}

async function find(pool: PoolConnection, host: string): Promise<readonly string[]> {
  if (UUID.test(host)) return [(await pool.call('host.get_by_uuid', host.toLowerCase())) as string];
  return (await pool.call('host.get_by_name_label', host)) as readonly string[];
}

function refused(pool: PoolConnection, unikernel: string, why: string, cause?: unknown): JitsuError {
  const message = `${unikernel}: the pool at ${pool.url} ${why}. \`xe host-list\` shows those that it has.`;
  return new JitsuError('JITSU_UNIKERNEL_INVALID', message, { cause });
}
