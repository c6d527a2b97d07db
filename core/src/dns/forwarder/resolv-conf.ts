import { isIP } from 'node:net';

/**
 * The addresses of the `nameserver` lines of a resolv.conf, in order and each once (resolv.conf(5)). An IPv6 address may
 * name its interface (`fe80::1%eth0`). Comments, other keywords and what is no address are passed over.
 */
export function parseResolvConf(text: string): string[] {
  const addresses = text.split('\n').flatMap((line) => {
    const [keyword, address = ''] = line.trim().split(/\s+/);
    return keyword === 'nameserver' && isIP(address) !== 0 ? [address] : [];
  });
  return [...new Set(addresses)];
}
