import type { FuzzTarget } from './fuzz-target.js';
import { clientQueries } from './targets/client-queries.js';
import { configuration } from './targets/configuration.js';
import { controlReplies } from './targets/control-replies.js';
import { controlRequests } from './targets/control-requests.js';
import { netlink } from './targets/netlink.js';
import { runtimeRecords } from './targets/runtime-records.js';
import { tcpStreams } from './targets/tcp-streams.js';
import { upstreamReplies } from './targets/upstream-replies.js';

/** Everything that others can send or leave for Jitsu to read. */
export const FUZZ_TARGETS: readonly FuzzTarget[] = [
  upstreamReplies,
  clientQueries,
  tcpStreams,
  controlRequests,
  controlReplies,
  configuration,
  runtimeRecords,
  netlink,
];
