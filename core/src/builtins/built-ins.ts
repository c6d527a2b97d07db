import { z } from 'zod';
import { commandLine } from '../plugin-kit/command-line.js';
import type { PluginRegistry } from '../contracts/plugin.js';
import { ExecProbe } from './exec-probe.js';
import { HttpProbe, type HttpProbeOptions } from './http-probe.js';
import { KeepAliveStopPolicy } from './keep-alive-stop-policy.js';
import { MaxLifetimeStopPolicy } from './max-lifetime-stop-policy.js';
import { TcpProbe } from './tcp-probe.js';
import { TtlStopPolicy } from './ttl-stop-policy.js';
import { duration } from '../plugin-kit/duration.js';

const PORT = 'A port from 1 to 65535 expected.';

const port = z.coerce.number({ error: PORT }).int(PORT).min(1, PORT).max(65_535, PORT);

const httpAddress = z
  .string({ error: "A port and a path expected, such as '8080/healthz'." })
  .transform((text, context): HttpProbeOptions => {
    const slash = text.indexOf('/');
    const parsed = port.safeParse(slash < 0 ? text : text.slice(0, slash));
    if (parsed.success) return { port: parsed.data, path: slash < 0 ? '/' : text.slice(slash) };
    context.addIssue("A port and a path expected, such as '8080/healthz'.");
    return z.NEVER;
  });

const nothing = z.undefined({ error: 'Nothing expected behind its name.' });

/** What Jitsu can do without any plugin, registered in the way in which plugins do it. */
export function registerBuiltIns(registry: PluginRegistry): void {
  registry.readinessProbe({
    name: 'tcp',
    useClass: TcpProbe,
    description: 'A TCP port accepts connections: tcp:PORT',
    argument: port,
  });
  registry.readinessProbe({
    name: 'http',
    useClass: HttpProbe,
    description: 'GET is answered with a status from 200 to 399: http:PORT/PATH',
    argument: httpAddress,
  });
  registry.readinessProbe({
    name: 'exec',
    useClass: ExecProbe,
    description: 'A command ends with status 0: exec:COMMAND',
    argument: commandLine('The command'),
  });
  registry.stopPolicy({
    name: 'ttl',
    useClass: TtlStopPolicy,
    description: 'Stops after twice the TTL without a query for any of its names',
    argument: nothing,
  });
  registry.stopPolicy({
    name: 'keep-alive',
    useClass: KeepAliveStopPolicy,
    description: 'Never stops',
    argument: nothing,
  });
  registry.stopPolicy({
    name: 'max-lifetime',
    useClass: MaxLifetimeStopPolicy,
    description: 'Stops after so long a life, even in use: max-lifetime:1h',
    argument: duration('The longest life'),
  });
}
