import { z } from 'zod';
import type { Plugin } from '../contracts/plugin.js';
import { PLUGIN_API_VERSION } from '../plugins/api-version.js';
import { definePlugin } from '../plugins/define-plugin.js';
import { SqliteStateStore, sqliteOptions } from '../state/sqlite-state-store.js';
import { ConnectionsStopPolicy } from './connections-stop-policy.js';
import { ExecProbe, probeCommand } from './exec-probe.js';
import { HttpProbe, HttpsProbe, plainQuestion, secureQuestion } from './http-probe.js';
import { KeepAliveStopPolicy } from './keep-alive-stop-policy.js';
import { longestLife, MaxLifetimeStopPolicy } from './max-lifetime-stop-policy.js';
import { MemoryStateStore } from './memory-state-store.js';
import { PingProbe } from './ping-probe.js';
import { TcpProbe, tcpPort } from './tcp-probe.js';
import { TrafficStopPolicy, trafficWindow } from './traffic-stop-policy.js';
import { TtlStopPolicy } from './ttl-stop-policy.js';

const nothing = z.undefined({ error: 'Nothing expected behind its name.' });

/** The probes, policies and state stores that need no other plugin. */
export const builtins: Plugin = definePlugin({
  name: 'Jitsu itself',
  apiVersion: PLUGIN_API_VERSION,
  register(registry) {
    registry.readinessProbe({
      name: 'tcp',
      useClass: TcpProbe,
      description: 'A TCP port accepts connections: tcp:PORT',
      argument: tcpPort,
    });
    registry.readinessProbe({
      name: 'http',
      useClass: HttpProbe,
      description:
        'GET is answered with a status from 200 to 399, or one of those named: http:[//HOST:]PORT/PATH [STATUS …]',
      argument: plainQuestion,
    });
    registry.readinessProbe({
      name: 'https',
      useClass: HttpsProbe,
      description: 'The same over TLS, with any certificate: https:[//HOST:]PORT/PATH [STATUS …]',
      argument: secureQuestion,
    });
    registry.readinessProbe({
      name: 'ping',
      useClass: PingProbe,
      description: 'It answers a ping: ping',
      argument: nothing,
    });
    registry.readinessProbe({
      name: 'exec',
      useClass: ExecProbe,
      description: 'A command ends with status 0: exec:COMMAND',
      argument: probeCommand,
    });
    registry.stopPolicy({
      name: 'ttl',
      useClass: TtlStopPolicy,
      description: 'Stops after twice the TTL without a query for any of its names',
      argument: nothing,
    });
    registry.stopPolicy({
      name: 'connections',
      useClass: ConnectionsStopPolicy,
      description: 'Keeps what has open connections, where an activity source knows them',
      argument: nothing,
    });
    registry.stopPolicy({
      name: 'traffic',
      useClass: TrafficStopPolicy,
      description:
        'Keeps for a minute after the last packet, or another time, where an activity source knows it: traffic:5m',
      argument: trafficWindow,
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
      argument: longestLife,
    });
    registry.stateStore({
      name: 'memory',
      useClass: MemoryStateStore,
      description: 'Remembers for as long as Jitsu runs',
      options: z.object({}),
    });
    registry.stateStore({
      name: 'sqlite',
      useClass: SqliteStateStore,
      description: 'Remembers in a folder, across restarts',
      options: sqliteOptions,
    });
  },
});
