/** The name of the port on which Synjitsu listens. */
export const SYNJITSU_PORT = 'synjitsu';

/**
 * The store path under which a listener on a port publishes its channel for a client; relative to the node of the
 * listener's own domain.
 */
export function channelPath(client: number, port: string): string {
  return `data/vchan/${client}/${port}`;
}
