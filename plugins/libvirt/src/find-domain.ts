import { JitsuError, type MachineId } from '@jitsud/core/plugin';
import { CallFailed } from './call-failed.js';
import type { DomainDefinition } from './domain-definition.js';
import { domainRefusal } from './domain-refusal.js';
import { withUuid } from './domain-xml.js';
import { LibvirtErrorNumber } from './error-name.js';
import type { LibvirtConnection } from './libvirt-connection.js';
import type { LibvirtOptions } from './libvirt-options.js';

/** The domain that a unikernel's options name, by its uuid, else by its name. */
interface WantedDomain {
  readonly uuid: string | undefined;
  readonly name: string;
}

/**
 * Finds the domain of a unikernel, and defines it where libvirt does not have it and the options contain its
 * definition. An existing domain is defined again only where the options ask for that.
 * @throws JITSU_UNIKERNEL_UNKNOWN where there is none, JITSU_UNIKERNEL_INVALID where libvirt refuses its definition
 * @throws JITSU_BACKEND_UNREACHABLE, JITSU_BACKEND_DENIED, JITSU_BACKEND_FAILED
 */
export async function findDomain(
  connection: LibvirtConnection,
  unikernel: string,
  options: LibvirtOptions,
  definition: DomainDefinition | undefined,
): Promise<MachineId> {
  const found = await lookForDomain(connection, unikernel, options, definition);
  if (definition === undefined) return found as MachineId;
  if (found !== undefined && !options.redefine) return found;
  return define(connection, unikernel, definition, found ?? options.uuid ?? definition.uuid);
}

/**
 * Looks for the domain of a unikernel, and changes nothing; `undefined` for one that would be defined.
 * @throws JITSU_UNIKERNEL_UNKNOWN where there is none, and no definition of one
 * @throws JITSU_BACKEND_UNREACHABLE, JITSU_BACKEND_DENIED, JITSU_BACKEND_FAILED
 */
export async function lookForDomain(
  connection: LibvirtConnection,
  unikernel: string,
  options: LibvirtOptions,
  definition: DomainDefinition | undefined,
): Promise<MachineId | undefined> {
  const wanted = {
    uuid: options.uuid ?? definition?.uuid,
    name: options.name ?? definition?.name ?? '',
  };
  const found = await find(connection, unikernel, wanted);
  if (found !== undefined || definition !== undefined) return found;
  const called = wanted.uuid === undefined ? `called '${wanted.name}'` : `with the uuid ${wanted.uuid}`;
  const { uri } = connection;
  throw new JitsuError(
    'JITSU_UNIKERNEL_UNKNOWN',
    `${unikernel}: libvirt at ${uri} has no domain ${called}. \`virsh -c ${uri} list --all\` shows those that it has; with the option 'xml' Jitsu defines one.`,
  );
}

async function find(
  connection: LibvirtConnection,
  unikernel: string,
  { uuid, name }: WantedDomain,
): Promise<MachineId | undefined> {
  try {
    const found = uuid === undefined ? connection.call('findByName', name) : connection.call('findByUuid', uuid);
    return (await found).uuid;
  } catch (error) {
    if (!(error instanceof CallFailed)) throw error;
    if (error.number === LibvirtErrorNumber.VIR_ERR_NO_DOMAIN) return undefined;
    throw domainRefusal(connection.uri, unikernel, 'found', error);
  }
}

async function define(
  connection: LibvirtConnection,
  unikernel: string,
  { file, xml }: DomainDefinition,
  uuid: string | undefined,
): Promise<MachineId> {
  try {
    return (await connection.call('define', uuid === undefined ? xml : withUuid(xml, uuid))).uuid;
  } catch (error) {
    if (!(error instanceof CallFailed)) throw error;
    const refusal = domainRefusal(connection.uri, unikernel, `defined from ${file}`, error);
    // Any refusal but a lack of rights is caused by the file's contents.
    if (refusal.code !== 'JITSU_BACKEND_FAILED') throw refusal;
    throw new JitsuError('JITSU_UNIKERNEL_INVALID', refusal.message, { cause: error });
  }
}
