import { errorMessage, withoutByteOrderMark } from '@jitsud/core/plugin';
import { readFile } from 'node:fs/promises';
import { identityIn } from './domain-xml.js';
import type { LibvirtOptions } from './libvirt-options.js';

/** A domain XML file, with the name and uuid in it. */
export interface DomainDefinition {
  readonly file: string;
  readonly xml: string;
  readonly name: string;
  readonly uuid?: string;
}

/**
 * Reads the file that the option `xml` names.
 * @throws Error with every problem of the file, and every contradiction to the other options
 */
export async function readDefinition(options: LibvirtOptions): Promise<DomainDefinition | undefined> {
  const { xml: file, name, uuid } = options;
  if (file === undefined) return undefined;
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new Error(`xml: ${file} cannot be read: ${errorMessage(error)}`, { cause: error });
  });
  const xml = withoutByteOrderMark(text);
  let identity;
  try {
    identity = identityIn(xml);
  } catch (error) {
    throw new Error(`xml: ${file} is not a domain XML: ${errorMessage(error)}`, { cause: error });
  }
  const problems: string[] = [];
  if (uuid === undefined && name !== undefined && name !== identity.name) {
    problems.push(`name: '${name}', but ${file} calls the domain '${identity.name}'`);
  }
  if (uuid !== undefined && identity.uuid !== undefined && uuid !== identity.uuid) {
    problems.push(`uuid: '${uuid}', but ${file} gives the domain the uuid '${identity.uuid}'`);
  }
  if (problems.length > 0) throw new Error(problems.join('; '));
  return { file, xml, ...identity };
}
