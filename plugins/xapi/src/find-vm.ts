import { JitsuError, type JitsuErrorCode, type MachineId } from '@jitsud/core/plugin';
import type { PoolConnection } from './pool-connection.js';
import { kindOfNoVm } from './vm-record.js';
import type { XapiOptions } from './xapi-options.js';

/**
 * Finds the VM of a unikernel, by its uuid, else by its name.
 * @throws JITSU_UNIKERNEL_UNKNOWN where there is none
 * @throws JITSU_UNIKERNEL_INVALID where several have the name, and where it is a template, a
 * snapshot or a control domain
 * @throws JITSU_BACKEND_UNREACHABLE
 */
export function findVm({ session, url }: PoolConnection, unikernel: string, options: XapiOptions): MachineId {
  const refused = (why: string, code: JitsuErrorCode = 'JITSU_UNIKERNEL_INVALID'): JitsuError =>
    new JitsuError(code, `${unikernel}: the pool at ${url} has ${why}`);
  const unknown = (why: string): JitsuError =>
    refused(`${why}. \`xe vm-list\` shows those that it has.`, 'JITSU_UNIKERNEL_UNKNOWN');
  const { uuid, name = '' } = options;
  if (uuid !== undefined) {
    const record = session.records.get(uuid)?.record;
    if (!record) throw unknown(`no VM with the uuid ${uuid}`);
    const kind = kindOfNoVm(record);
    if (kind !== undefined) throw refused(`${kind} with the uuid ${uuid}, and no VM. Give that of a VM.`);
    return uuid;
  }
  const named = session.records.named(name);
  if (named.length > 1) {
    const uuids = named.map((record) => record.uuid).sort();
    throw refused(`${uuids.length} VMs called '${name}': say which by its uuid, one of ${uuids.join(', ')}.`);
  }
  if (!named[0]) throw unknown(`no VM called '${name}'`);
  return named[0].uuid;
}
