/** The ways to take datagrams that this machine has: what holds for one must hold for each. */
export const UDP_TRANSPORTS: readonly ('dgram' | 'mmsg')[] =
  process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch) ? ['dgram', 'mmsg'] : ['dgram'];

/** A suite that is run over each of them. */
export function describeOverUdp(title: string, suite: (transport: 'dgram' | 'mmsg') => void): void {
  for (const transport of UDP_TRANSPORTS) describe(`${title}, by ${transport}`, () => suite(transport));
}
