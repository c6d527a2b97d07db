import type { Settings } from '../../config/settings.js';
import { Networks, parseNetworks } from '../../net/networks.js';

/** A client there is on this machine, or on one of the operator's networks. */
const LOCAL_NETWORKS = new Networks(['loopback', 'private'].flatMap((word) => parseNetworks(word) ?? []));

const EVERYWHERE: readonly string[] = ['0.0.0.0', '::'];

/**
 * What these settings expose to clients outside this machine and private networks: one sentence each, with what to do
 * about it, the worst first. Empty where Jitsu is bound to local addresses only.
 */
export function exposures({
  dns,
  wake,
  unikernels = [],
}: Pick<Settings, 'dns' | 'wake'> & Partial<Pick<Settings, 'unikernels'>>): readonly string[] {
  const isLocal = (address: string): boolean => LOCAL_NETWORKS.covers(`${address}/${address.includes(':') ? 128 : 32}`);
  const reachable = dns.bind.filter((address) => EVERYWHERE.includes(address) || !isLocal(address));
  if (reachable.length === 0) return [];
  const beyond = (networks: readonly string[], denied: readonly string[] = []): readonly string[] => {
    const outside = new Networks(denied);
    return networks.filter((network) => !LOCAL_NETWORKS.covers(network) && !outside.covers(network));
  };
  const clients = beyond(dns.allow, dns.deny);
  const where = reachable.join(', ');
  // One public network in any setting means that the Internet is meant; a wildcard alone mostly means a private
  // network.
  const isPublic = clients.length > 0 || reachable.some((address) => !EVERYWHERE.includes(address));
  const forwarded = dns.forwarders === 'off' ? [] : beyond(dns.allowForwarding, dns.deny);
  const trusted = new Networks(wake.trusted);
  const unproven = dns.allow.filter((network) => !trusted.covers(network));
  const isAtOnce = unikernels.some(({ answersAtOnce }) => answersAtOnce);
  const forgeable = wake.proof === 'none' ? clients : beyond(wake.trusted);
  return [
    ...(clients.length > 0 && forwarded.length > 0
      ? [
          `This is an open resolver: on ${where} it looks up any name for anybody in ${list(forwarded)}, who can use it ` +
            "against others. Unless you mean that, set dns.allowForwarding to ['loopback', 'private'].",
        ]
      : []),
    ...(clients.length > 0 && forgeable.length > 0
      ? [
          `Forged packets can boot unikernels: of queries that seem to come from ${list(forgeable)} no proof is asked. ` +
            "Set wake.proof to 'cookie-or-tcp', and wake.trusted to those alone who cannot be forged.",
        ]
      : []),
    ...(isPublic && wake.proof !== 'none' && wake.trusted.some((network) => LOCAL_NETWORKS.covers(network))
      ? [
          `On ${where} a packet from outside may seem to come from a private address, of which no proof is asked. If your ` +
            "router does not drop those, set wake.proof to 'cookie-or-tcp' and leave wake.trusted out.",
        ]
      : []),
    ...(clients.length > 0
      ? [
          `The names of unikernels are answered on ${where} for ${list(clients)}, and whoever asks from there may boot ` +
            'them as far as wake lets them. To serve fewer, set dns.allow.',
        ]
      : []),
    ...(wake.proof !== 'none' && wake.knocks.unproven === 0 && unproven.length > 0 && isAtOnce
      ? [
          `Clients in ${list(unproven)} get addresses at once, and can boot nothing by their connections, whose source is ` +
            'not proven. To let them, set wake.knocks.unproven to a number of boots a minute.',
        ]
      : []),
    ...(clients.length > 0 && dns.rateLimit.perSecond === 0
      ? ['Nothing limits the responses to forged sources: set dns.rateLimit.perSecond.']
      : []),
  ];
}

const SHOWN = 4;

function list(networks: readonly string[]): string {
  if (networks.includes('0.0.0.0/0') || networks.includes('::/0')) return 'the whole Internet';
  const more = networks.length - SHOWN;
  return networks.slice(0, SHOWN).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
