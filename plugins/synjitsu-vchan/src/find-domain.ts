import { XenstoreError, type Xenstore } from '@jitsud/xenstore';

/** The UUID of domain 0, which many toolstacks do not store. */
const DOMAIN_0 = '00000000-0000-0000-0000-000000000000';

/** The current id of the domain with this UUID (in lower case). */
export async function findDomain(xenstore: Xenstore, uuid: string): Promise<number | undefined> {
  for (const name of await childrenOf(xenstore, '/local/domain')) {
    const vm = await valueOf(xenstore, `/local/domain/${name}/vm`);
    // A domain that is about to go may still be listed.
    if (vm?.toLowerCase() === `/vm/${uuid}` && /^\d+$/.test(name)) return Number(name);
  }
  return uuid === DOMAIN_0 ? 0 : undefined;
}

/** The value of a node; `undefined` where there is none. */
export async function valueOf(xenstore: Xenstore, path: string): Promise<string | undefined> {
  return orNothing(xenstore.read(path));
}

async function childrenOf(xenstore: Xenstore, path: string): Promise<readonly string[]> {
  return (await orNothing(xenstore.directory(path))) ?? [];
}

async function orNothing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof XenstoreError && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
