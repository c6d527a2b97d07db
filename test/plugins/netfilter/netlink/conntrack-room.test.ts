import assert from 'node:assert/strict';
import { conntrackProblem } from '#netfilter/netlink/conntrack-room.js';

describe('the room of connection tracking', () => {
  const problemOf = (values: Readonly<Record<string, number>>): string | undefined =>
    conntrackProblem((path) => {
      const value = values[path.replace(/^\/proc\/sys\/net\/netfilter\/nf_conntrack_/, '')];
      if (value === undefined) throw new Error('ENOENT');
      return `${value}\n`;
    });

  it('is enough with what kernels usually have, without a limit, and where nothing can be known', () => {
    for (const values of [{ max: 262_144, count: 100, buckets: 262_144 }, { max: 0, count: 9, buckets: 1 }, {}]) {
      assert.equal(problemOf(values), undefined);
    }
    assert.equal(problemOf({ max: 65_536 }), undefined);
  });

  it('is too small where it is soon full', () => {
    assert.match(
      problemOf({ max: 4_096, count: 17, buckets: 4_096 }) ?? '',
      /room for 4096 .* 17 are .*nf_conntrack_max/,
    );
    assert.match(problemOf({ max: 65_536, count: 40_000, buckets: 65_536 }) ?? '', /40000 are tracked/);
  });

  it('is slow with few buckets', () => {
    assert.match(problemOf({ max: 1_000_000, count: 1, buckets: 16_384 }) ?? '', /16384 buckets.*nf_conntrack_buckets/);
    assert.equal(problemOf({ max: 131_072, count: 1, buckets: 16_384 }), undefined);
  });

  it('is read from this kernel', () => assert.ok(['string', 'undefined'].includes(typeof conntrackProblem())));
});
