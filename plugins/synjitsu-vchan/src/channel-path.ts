/** The name of the port on which Synjitsu listens. */
export const SYNJITSU_PORT = 'synjitsu';

/**
 * Where the one who listens on a port for a client says in the store how it is reached; below its own domain's node, to
 * which a relative path is relative.
 */
export function channelPath(client: number, port: string): string {
  return `data/vchan/${client}/${port}`;
}
