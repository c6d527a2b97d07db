import { readFileSync } from 'node:fs';

const FOLDER = '/proc/sys/net/netfilter/';

/** With less room than this, a scan or a busy service fills the table. */
const LEAST_ROOM = 32_768;

/** From how many connections to a bucket on finding one takes noticeably long. */
const MOST_IN_A_BUCKET = 8;

/**
 * What is wrong with the table of connection tracking, for people; `undefined` where nothing is, or nothing can be known.
 * A full table has the kernel drop packets of new connections, of all of this host.
 */
export function conntrackProblem(
  read: (path: string) => string = (path) => readFileSync(path, 'latin1'),
): string | undefined {
  const valueOf = (name: string): number => {
    try {
      return Number(read(`${FOLDER}${name}`));
    } catch {
      return NaN;
    }
  };
  const most = valueOf('nf_conntrack_max');
  // None means no limit.
  if (!(most > 0)) return undefined;
  const count = valueOf('nf_conntrack_count');
  if (most < LEAST_ROOM || count > most / 2) {
    const taken = count > 0 ? `, and ${count} are tracked` : '';
    return `connection tracking has room for ${most} connections${taken}: when it is full, the kernel drops new ones; raise net.netfilter.nf_conntrack_max`;
  }
  const buckets = valueOf('nf_conntrack_buckets');
  if (!(most > MOST_IN_A_BUCKET * buckets)) return undefined;
  return `connection tracking has ${buckets} buckets for up to ${most} connections, so that each packet looks through many; raise net.netfilter.nf_conntrack_buckets`;
}
