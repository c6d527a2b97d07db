const KEY = /^(\d+)\/(?:ip|ipv4\/\d+|ipv6\/\d+)$/;
const LINK_LOCAL = /^(?:169\.254\.|fe[89ab][0-9a-f]:)/i;

/**
 * The addresses that a guest's agent reports (VM_guest_metrics.networks: `0/ip`, `0/ipv4/0`, `0/ipv6/1`), in the order
 * of devices, without link-local ones.
 */
export function guestAddresses(networks: Readonly<Record<string, string>>): readonly string[] {
  const found = Object.entries(networks)
    .map(([key, address]) => ({ device: Number(KEY.exec(key)?.[1]), address }))
    .filter(({ device, address }) => !Number.isNaN(device) && address !== '' && !LINK_LOCAL.test(address))
    .sort((one, other) => one.device - other.device);
  return [...new Set(found.map(({ address }) => address))];
}
