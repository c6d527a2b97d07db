/**
 * Why a connection needs root; `undefined` where it does not. The sockets of libvirt, and what ssh and a session need,
 * belong to the user who connects, also when a lost connection is made again. TCP, TLS and the driver for tests do not
 * ask who it is.
 */
export function whyRoot(uri: string): string | undefined {
  if (/^(test[:+]|[a-z]+\+(tcp|tls):)/.test(uri) || /^[a-z]+:\/\/[^/]/.test(uri)) return undefined;
  return `${uri} lets root in, and few others`;
}
