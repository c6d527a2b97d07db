import assert from 'node:assert/strict';
import { Zones } from '#core/dns/resolvers/zones.js';
import { encodeName } from '#core/dns/wire/domain-name.js';

const timing = { ttl: 60, serial: 1_700_000_000 };
const authoritative = (name: string) => ({ name, authoritative: true });

describe('zones', () => {
  it('are the parent domains of names below reserved ones, with the start as serial and their TTL as that of negative answers', () => {
    const zones = new Zones(['www.jitsu.test', '*.jitsu.test', 'nas.home.arpa'], [], timing);
    assert.deepEqual(zones.soaAt('jitsu.test'), {
      name: 'jitsu.test',
      type: 'SOA',
      ttl: 60,
      mname: 'ns.jitsu.test',
      rname: 'hostmaster.jitsu.test',
      serial: 1_700_000_000,
      refresh: 3_600,
      retry: 600,
      expire: 86_400,
      minimum: 60,
    });
    assert.equal(zones.soaAt('www.jitsu.test'), undefined);
    assert.equal(zones.soaAround('www.jitsu.test')?.name, 'jitsu.test');
    assert.equal(zones.soaFor('www.jitsu.test').name, 'jitsu.test');
    assert.equal(zones.soaAt('home.arpa')?.name, 'home.arpa');
  });

  it('are no parent domains that somebody else may have: a name there is a zone of its own where it has no data', () => {
    const zones = new Zones(['example.com', 'www.example.org', 'router.arpa', 'mytest'], [], timing);
    for (const name of ['com', 'org', 'example.org', 'arpa']) assert.equal(zones.soaAt(name), undefined, name);
    for (const name of ['example.com', 'www.example.org']) {
      assert.equal(zones.soaAt(name), undefined, name);
      assert.equal(zones.soaAround(name), undefined, name);
      assert.equal(zones.soaFor(name).name, name);
    }
  });

  it('do not exist for a name of a single label', () => {
    const zones = new Zones(['printer'], [], timing);
    assert.equal(zones.soaAround('printer'), undefined);
    assert.equal(zones.soaAt(''), undefined);
    assert.equal(zones.soaFor('printer').name, 'printer');
  });

  it('deny other names only where they are configured to', () => {
    const zones = new Zones(
      ['www.example.org'],
      [authoritative('lab.test'), { name: 'open.lab.test', authoritative: false }],
      timing,
    );
    assert.equal(zones.isAuthoritativeFor('x.example.org'), false);
    assert.equal(zones.isAuthoritativeFor('x.lab.test'), true);
    assert.equal(zones.isAuthoritativeFor('lab.test'), true);
    assert.equal(zones.isAuthoritativeFor('x.open.lab.test'), false);
  });

  it('that are configured take in the parents of the names in them, so that all negative answers agree', () => {
    const zones = new Zones(['a.b.lab.test'], [authoritative('Lab.Test')], timing);
    assert.equal(zones.soaAround('a.b.lab.test')?.name, 'lab.test');
    assert.equal(zones.soaAt('b.lab.test'), undefined);
  });

  it('may be the root, or so long that no label fits before them', () => {
    const root = new Zones([], [authoritative('')], timing).soaAt('');
    assert.equal(root?.type === 'SOA' && root.mname, 'ns');
    const long = `${'a'.repeat(63)}.`.repeat(3) + 'b'.repeat(60);
    const soa = new Zones([], [authoritative(long)], timing).soaAt(long);
    assert.ok(soa?.type === 'SOA' && encodeName(soa.rname).length <= 255);
  });
});
