/** Drivers that run no machine as root: a make-believe one, and programs of the user who runs Jitsu. */
const HARMLESS = new Set(['test', 'vmwareplayer', 'vmwarews', 'vmwarefusion']);

/** Drivers of the API of a hypervisor, by an account there. */
const REMOTE = new Set(['esx', 'gsx', 'hyperv', 'vpx']);

/**
 * Says that who may use the connection of a libvirt URI is as good as root, and where; `undefined` for one whose
 * machines run as the user who runs Jitsu, or as a user of another host.
 */
export function rootEquivalent(uri: string): string | undefined {
  const {
    driver = '',
    host = '',
    path = '',
  } = /^(?<driver>[a-z0-9]+)(\+[a-z0-9]+)?:\/\/([^/@]*@)?(?<host>[^/?]*)(?<path>\/[^?]*)?/i.exec(uri)?.groups ?? {};
  const kind = driver.toLowerCase();
  if (HARMLESS.has(kind) || path === '/session' || path === '/embed') return undefined;
  const place = host === '' ? 'this host' : host;
  const account = `${uri.replace(/(:\/\/[^/@:]*):[^/@]*@/, '$1@')} is as good as root on ${place}`;
  return REMOTE.has(kind)
    ? `${account} as far as its account there may change machines.`
    : `${account}: whoever may define machines there can give them every file and device of it.`;
}
