import assert from 'node:assert/strict';
import { AccessControl } from '#core/dns/admission/access-control.js';
import { Admission, ClientRules, type SharedAdmission } from '#core/dns/admission/admission.js';
import { addressBytes } from '#core/net/address-bytes.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { cookieOfKind, type CookieKind } from '../../../support/dns-cookie.js';
import { DnsLog } from '../../../support/dns-log.js';
import { dnsSettings } from '../../../support/dns-settings.js';
import { wakeSettings } from '../../../support/wake-settings.js';

const NOW = 1_700_000_000_000;
const LOCAL = ['127.0.0.0/8', '::1/128', '10.0.0.0/8'];

const dns = dnsSettings({
  deny: ['10.6.6.0/24'],
  allowForwarding: LOCAL,
  rateLimit: { perSecond: 2, slip: 0, exempt: LOCAL },
});
const wake = wakeSettings({ trusted: ['127.0.0.0/8', '192.0.2.0/24'], deny: ['127.6.6.6/32'] });

const sharedAdmission = (): SharedAdmission =>
  structuredClone(new AccessControl(dns, wake, { clock: new ManualClock(NOW), logger: new DnsLog() }).shared);
const admissionOf = (shared: SharedAdmission): Admission => new Admission(shared, new ClientRules(shared));
const bytesOf = (address: string): Uint8Array => addressBytes(address) as Uint8Array;

/** What it may do, in words. */
const rightsOf = (asker: Admission): string =>
  [
    ...(asker.mayAsk ? ['asks'] : []),
    ...(asker.mayForward ? ['forwards'] : []),
    ...(asker.keepsAlive ? ['keeps alive'] : []),
    ...(asker.limited ? ['is limited'] : []),
  ].join(', ');

describe('a client, in whatever thread', () => {
  const shared = sharedAdmission();
  const asker = admissionOf(shared);
  const cases: readonly (readonly [address: string, overUdp: string, overTcp: string])[] = [
    ['127.0.0.1', 'asks, forwards, keeps alive', 'asks, forwards, keeps alive'],
    ['10.0.0.1', 'asks, forwards', 'asks, forwards, keeps alive'],
    ['::1', 'asks, forwards', 'asks, forwards, keeps alive'],
    ['127.6.6.6', 'asks, forwards', 'asks, forwards'],
    ['10.6.6.6', 'forwards', 'forwards, keeps alive'],
    ['192.0.2.1', 'asks, keeps alive, is limited', 'asks, keeps alive'],
    ['198.51.100.1', 'asks, is limited', 'asks, keeps alive'],
  ];
  for (const [address, overUdp, overTcp] of cases) {
    it(`at ${address} ${overUdp} over UDP, and ${overTcp} over TCP, however often and in whatever order`, () => {
      for (const [byUdp, expected] of [
        ...[[true, overUdp] as const, [true, overUdp] as const],
        ...[[false, overTcp] as const, [true, overUdp] as const],
      ]) {
        asker.begin(bytesOf(address), byUdp);
        assert.equal(rightsOf(asker), expected);
      }
    });
  }

  it('may everything where it comes by no socket and is the operator, and nothing where it is not', () => {
    asker.begin(bytesOf('10.6.6.6'), true);
    asker.beginWithoutSocket(true);
    assert.equal(rightsOf(asker), 'asks, forwards, keeps alive');
    asker.beginWithoutSocket(false);
    assert.equal(rightsOf(asker), 'is limited');
    asker.begin(bytesOf('10.6.6.6'), true);
    assert.equal(rightsOf(asker), 'forwards');
  });

  it('shows by a server cookie that is ours and not late that it is no forgery, and by no other', () => {
    const address = bytesOf('198.51.100.1');
    const shows = (kind: CookieKind): string => {
      const cookie = cookieOfKind(kind, shared.cookieSecret, address, NOW) as Uint8Array;
      asker.begin(address, true);
      asker.showCookie(cookie, 0, cookie.length, NOW);
      return rightsOf(asker);
    };
    for (const kind of ['fresh', 'old'] as const) assert.equal(shows(kind), 'asks, keeps alive');
    for (const kind of ['client', 'late', 'elsewhere', 'forged'] as const)
      assert.equal(shows(kind), 'asks, is limited');
  });

  it('gets a fresh cookie back, and for any other a new one that another thread takes', () => {
    const address = bytesOf('2001:db8::1');
    const there = admissionOf(structuredClone(shared));
    for (const kind of ['client', 'fresh', 'old', 'late', 'elsewhere', 'forged'] as const) {
      const cookie = cookieOfKind(kind, shared.cookieSecret, address, NOW) as Uint8Array;
      const given = new Uint8Array(24);
      asker.begin(address, true);
      asker.showCookie(cookie, 0, cookie.length, NOW);
      asker.writeCookie(cookie, 0, given, 0, NOW);
      assert.deepEqual(given.subarray(0, 8), new Uint8Array(cookie.subarray(0, 8)));
      assert.equal(Buffer.compare(given, cookie) === 0, kind === 'fresh');
      there.begin(address, true);
      there.showCookie(given, 0, given.length, NOW);
      assert.equal(there.cookie, 'fresh');
    }
  });

  it('is counted together by all threads where it is limited, and what was taken back is not', () => {
    const [one, other] = [admissionOf(shared), admissionOf(shared)];
    for (const each of [one, other]) each.begin(bytesOf('198.51.100.1'), true);
    assert.deepEqual([one.admit(NOW), other.admit(NOW), one.admit(NOW)], ['send', 'send', 'drop']);
    other.takeBack();
    assert.deepEqual([one.admit(NOW), other.admit(NOW)], ['send', 'drop']);
    one.begin(bytesOf('127.0.0.1'), true);
    assert.deepEqual([one.admit(NOW), one.admit(NOW), one.admit(NOW)], ['send', 'send', 'send']);
  });

  it('has no credit given to its network where it is not limited itself', () => {
    const asker = admissionOf(sharedAdmission());
    const address = bytesOf('198.51.100.1');
    const comes = (): void => asker.begin(address, true);
    comes();
    assert.deepEqual([asker.admit(NOW), asker.admit(NOW), asker.admit(NOW)], ['send', 'send', 'drop']);
    for (const free of [() => asker.begin(address, false), () => asker.begin(bytesOf('127.0.0.1'), true)]) {
      free();
      for (let round = 0; round < 5; round++) asker.takeBack();
      comes();
      assert.equal(asker.admit(NOW), 'drop');
    }
  });

  it('is counted with nobody where its socket has lost its address, and may do nothing', () => {
    const admission = admissionOf(sharedAdmission());
    const outcomes = Array.from({ length: 5 }, () => {
      admission.beginWithoutSocket(false);
      return admission.admit(NOW);
    });
    assert.deepEqual(outcomes, Array<string>(5).fill('send'));
    const { mayForward } = admission.verdict(20, undefined, NOW);
    assert.deepEqual([admission.mayAsk, admission.proven, mayForward], [false, false, false]);
    admission.begin(Uint8Array.of(0, 0, 0, 0), true);
    assert.equal(admission.admit(NOW), 'send');
  });

  it('may do nothing before a query has begun', () => {
    const admission = admissionOf(sharedAdmission());
    const { overUdp, cookie, rateVerdict } = admission;
    assert.equal(rightsOf(admission), '');
    assert.deepEqual([admission.proven, overUdp, cookie, rateVerdict], [false, false, 'none', 'send']);
  });

  it('shows one cookie for each query: what is shown again is not looked at', () => {
    const address = bytesOf('198.51.100.1');
    const [good, bad] = (['fresh', 'forged'] as const).map((kind) =>
      cookieOfKind(kind, shared.cookieSecret, address, NOW),
    ) as [Uint8Array, Uint8Array];
    for (const [first, second, verdict] of [
      [good, bad, 'fresh'],
      [bad, good, 'invalid'],
    ] as const) {
      asker.begin(address, true);
      for (const cookie of [first, second]) asker.showCookie(cookie, 0, cookie.length, NOW);
      assert.deepEqual([asker.cookie, asker.proven], [verdict, verdict === 'fresh']);
    }
    asker.begin(address, true);
    assert.equal(asker.cookie, 'none');
    asker.showCookie(good, 0, good.length, NOW);
    asker.beginWithoutSocket(true);
    assert.equal(asker.cookie, 'none');
  });

  it('is judged by its own address, whichever byte of it differs from the one before, and to whatever', () => {
    for (const others of [
      [0, 0, 0, 0],
      [0, 0, 0, 1],
      [11, 0, 0, 1],
      [10, 6, 6, 1],
    ]) {
      const admission = admissionOf(sharedAdmission());
      admission.begin(bytesOf('10.0.0.1'), true);
      assert.equal(rightsOf(admission), 'asks, forwards');
      admission.begin(Uint8Array.from(others), true);
      assert.equal(rightsOf(admission), others[0] === 10 ? 'forwards' : 'asks, is limited', others.join('.'));
    }
  });

  it('says whether its query came over UDP', () => {
    const admission = admissionOf(sharedAdmission());
    for (const overUdp of [true, false, true]) {
      admission.begin(bytesOf('127.0.0.1'), overUdp);
      assert.equal(admission.overUdp, overUdp);
    }
    admission.beginWithoutSocket(true);
    assert.equal(admission.overUdp, false);
  });

  it('has no verdict of the query before', () => {
    const admission = admissionOf(sharedAdmission());
    const overLimit = (): void => {
      admission.begin(bytesOf('198.51.100.1'), true);
      for (let round = 0; round < 3; round++) admission.admit(NOW);
      assert.equal(admission.rateVerdict, 'drop');
    };
    overLimit();
    admission.begin(bytesOf('127.0.0.1'), true);
    assert.equal(admission.admit(NOW), 'send');
    overLimit();
    admission.beginWithoutSocket(true);
    assert.equal(admission.admit(NOW), 'send');
    admission.takeBack();
    overLimit();
  });

  it('may get four times its query, or 128 bytes, where it is limited', () => {
    const admission = admissionOf(sharedAdmission());
    const limit = (address: string, length: number, cookie?: Uint8Array): number | undefined => {
      admission.begin(bytesOf(address), true);
      return admission.verdict(length, cookie, NOW).sizeLimit;
    };
    assert.deepEqual(
      [20, 32, 33, 100].map((length) => limit('198.51.100.1', length)),
      [128, 128, 132, 400],
    );
    assert.equal(limit('127.0.0.1', 20), undefined);
  });

  it('may have other names looked up as its verdict says, whoever comes next', () => {
    const admission = admissionOf(sharedAdmission());
    admission.begin(bytesOf('127.0.0.1'), true);
    const near = admission.verdict(20, undefined, NOW);
    admission.begin(bytesOf('198.51.100.1'), true);
    const far = admission.verdict(20, undefined, NOW);
    assert.deepEqual([near.mayForward, far.mayForward, near.cookie], [true, false, undefined]);
  });
});
