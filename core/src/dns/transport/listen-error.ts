import { endpointText, type Endpoint } from '../../net/endpoint.js';
import { errorCode, errorMessage, JitsuError } from '../../errors.js';

/** Describes a failure to listen, as `JITSU_LISTEN_FAILED`. */
export function listenError(transport: 'UDP' | 'TCP', endpoint: Endpoint, cause: unknown): JitsuError {
  const where = `${transport} ${endpointText(endpoint)}`;
  return new JitsuError('JITSU_LISTEN_FAILED', `cannot listen on ${where}: ${reason(transport, endpoint, cause)}`, {
    cause,
  });
}

function reason(transport: 'UDP' | 'TCP', { address, port }: Endpoint, cause: unknown): string {
  switch (errorCode(cause)) {
    case 'EACCES':
    case 'EPERM':
      return (
        `ports below 1024 belong to root. Run as root, give node the right ` +
        `(setcap cap_net_bind_service=+ep "$(readlink -f "$(command -v node)")"), or take another port: -l 10053.`
      );
    case 'EADDRINUSE':
      return (
        `something else is listening on port ${port} there. See what: ` +
        `ss -${transport === 'UDP' ? 'lunp' : 'ltnp'} 'sport = :${port}'. Stop it, or take another port: -l PORT.`
      );
    case 'EADDRNOTAVAIL':
      return `this machine has no address ${address}. See which it has: ip addr. Then take one of them: -b ADDRESS.`;
    case 'EAFNOSUPPORT':
      return `this machine does not do ${address.includes(':') ? 'IPv6' : 'IPv4'}. Leave that address out of the binds.`;
    default:
      return `${errorMessage(cause)}.`;
  }
}
