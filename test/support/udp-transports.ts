import { cannotRun } from './cannot-run.js';

/** The ways to take datagrams that this machine has: what holds for one must hold for each. */
export const UDP_TRANSPORTS: readonly ('dgram' | 'mmsg')[] =
  process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch) ? ['dgram', 'mmsg'] : ['dgram'];

/** A suite that is run over each of them. */
export function describeOverUdp(title: string, suite: (transport: 'dgram' | 'mmsg') => void): void {
  for (const transport of UDP_TRANSPORTS) describe(`${title}, by ${transport}`, () => suite(transport));
}

/** Skips a suite where datagrams cannot be taken by mmsg; call it in a `before` hook. */
export function requireMmsg(context: Mocha.Context): void {
  if (!UDP_TRANSPORTS.includes('mmsg')) cannotRun(context, 'mmsg needs Linux on x64 or arm64');
}
