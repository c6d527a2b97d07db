import { parseNetworks } from '../../net/networks.js';
import { Networks } from './networks.js';

/** Loopback and private networks: whoever asks from there is on this machine, or on a network of the operator's. */
export const LOCAL_NETWORKS = new Networks(['loopback', 'private'].flatMap((word) => parseNetworks(word) ?? []));

/** Loopback alone. */
export const LOOPBACK = new Networks(parseNetworks('loopback') ?? []);
