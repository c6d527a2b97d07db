import assert from 'node:assert/strict';
import { chownSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '#core/testing/eventually.js';
import { FakeXen } from '../../../support/libxl/fake-xen.js';
import { TakenOverMain } from '../../../support/libxl/taken-over-main.js';
import { requireRoot } from '../../../support/require-tool.js';

const WEB = '11111111-2222-8333-a444-555555555555';
const MAIL = '22222222-2222-8333-a444-555555555555';
const FOREIGN = '99999999-2222-8333-a444-555555555555';
const FOREIGN_DOMAIN = 7;
const STEPS_OF_DOMAINS = ['macs', 'pause', 'unpause', 'powerOff', 'save', 'destroy'];
const STEPS_OF_GUESTS = ['find', 'savedMemory', 'forgetMemory', 'restore', 'create'];

/** What it may hold of what it was sent, in bytes. */
const MOST_HELD = 5 * 1024 * 1024;

/** What must not end the process that keeps root, nor have any effect. */
const HOSTILE: readonly (readonly [string, unknown])[] = [
  ['null', null],
  ['a number', 7],
  ['a text', 'destroy'],
  ['a list', [{ id: 1, guest: WEB, step: 'create' }]],
  ['nothing', {}],
  ['no step', { id: 1, guest: WEB }],
  ['no id', { guest: WEB, step: 'create' }],
  ['an id that is a text', { id: '1', guest: WEB, step: 'create' }],
  ['an id that is no whole number', { id: 1.5, guest: WEB, step: 'create' }],
  ['an id that is too large', { id: 2 ** 60, guest: WEB, step: 'create' }],
  ['a guest that is a list', { id: 1, guest: [WEB], step: 'create' }],
  ['a guest that is an object', { id: 1, guest: { id: WEB }, step: 'create' }],
  ['an operation of libxl', { id: 1, operation: 'destroy', parameters: [FOREIGN_DOMAIN] }],
  ['an operation as a step', { id: 1, guest: WEB, step: 'check', words: '{}' }],
  ['a member of every object as a step', { id: 1, guest: WEB, step: 'constructor' }],
  ['__proto__ as a step', { id: 1, guest: WEB, step: '__proto__' }],
  ['a private method as a step', { id: 1, guest: WEB, step: 'infoOf', domain: FOREIGN_DOMAIN }],
  ['a configuration besides', { id: 1, guest: WEB, step: 'create', config: { b_info: { kernel: '/etc/shadow' } } }],
  ['a kernel besides', { id: 1, guest: WEB, step: 'create', kernel: '/etc/shadow' }],
  ['a path besides', { id: 1, guest: WEB, step: 'save', domain: 1, path: '/etc/cron.d/root' }],
  ['a folder besides', { id: 1, guest: WEB, step: 'restore', saves: '/tmp' }],
  ['words that are a list', { id: 1, guest: WEB, step: 'create', words: ['init=/bin/sh'] }],
  ['words where there are none', { id: 1, guest: WEB, step: 'find', words: 'x' }],
  ['a domain where there is none', { id: 1, guest: WEB, step: 'create', domain: FOREIGN_DOMAIN }],
  ['domain 0', { id: 1, guest: WEB, step: 'destroy', domain: 0 }],
  ['a negative domain', { id: 1, guest: WEB, step: 'destroy', domain: -1 }],
  ['a domain that is a text', { id: 1, guest: WEB, step: 'destroy', domain: '7' }],
  ['a domain that is a path', { id: 1, guest: WEB, step: 'powerOff', domain: '0/../../7' }],
  ['a domain that is a fraction', { id: 1, guest: WEB, step: 'destroy', domain: 7.5 }],
  ['a domain of Xen itself', { id: 1, guest: WEB, step: 'destroy', domain: 0x7ff1 }],
  ['a second list', { saves: '/tmp', guests: [{ id: FOREIGN, name: 'foreign', config: {} }] }],
  ['a report', { kind: 'open' }],
];

describe('a Jitsu that has been taken over, before the process that keeps root for libxl,', () => {
  let xen: FakeXen;
  let main: TakenOverMain;

  before(async () => {
    xen = await FakeXen.start();
    main = await TakenOverMain.start(xen.seal(xen.plan(WEB, 'web'), xen.plan(MAIL, 'mail')));
    assert.deepEqual(main.opening, { kind: 'open' }, main.errors);
  });

  beforeEach(() => {
    xen.reset();
    xen.addDomain(FOREIGN_DOMAIN, { uuid: FOREIGN, kernel: 'k', cmdline: '', memory: '', paused: false, cpu_time: 1 });
    main.reports.length = 0;
  });

  after(async () => {
    await main[Symbol.asyncDispose]();
    await xen[Symbol.asyncDispose]();
  });

  /** Resolves to the id of its new domain. */
  const created = async (guest = WEB): Promise<number> => {
    const report = await main.order({ guest, step: 'create' });
    assert.equal(report.kind, 'result', JSON.stringify(report));
    return (report as { readonly result: number }).result;
  };

  const refused = async (order: object, reason: RegExp, code = 'JITSU_BACKEND_DENIED'): Promise<void> => {
    const report = await main.order(order);
    assert.ok(report.kind === 'failure', JSON.stringify(report));
    assert.equal(report.failure.code, code, report.failure.message);
    assert.match(report.failure.message, reason);
  };

  it('starts and stops what is configured', async () => {
    const domain = await created();
    for (const step of ['unpause', 'macs', 'pause', 'powerOff', 'destroy']) {
      assert.equal((await main.order({ guest: WEB, step, domain })).kind, 'result', step);
    }
    assert.deepEqual([...xen.domains.keys()], [FOREIGN_DOMAIN]);
    assert.equal(xen.domains.get(FOREIGN_DOMAIN)?.shutdown, undefined);
  });

  for (const step of [...STEPS_OF_GUESTS, ...STEPS_OF_DOMAINS]) {
    it(`takes the step ${step} with no guest that is not configured`, async () => {
      const order = { step, ...(STEPS_OF_DOMAINS.includes(step) && { domain: FOREIGN_DOMAIN }) };
      for (const guest of [FOREIGN, '', '__proto__', `${WEB}/../${FOREIGN}`, WEB.slice(0, -1), 'x'.repeat(60_000)]) {
        await refused({ ...order, guest }, /not among the guests/);
      }
      assert.deepEqual(xen.calls, []);
    });
  }

  for (const step of STEPS_OF_DOMAINS) {
    it(`takes the step ${step} with no domain of another one`, async () => {
      const domain = await created(MAIL);
      xen.forgetCalls();
      await refused({ guest: WEB, step, domain: FOREIGN_DOMAIN }, /domain 7 is not its own/);
      await refused({ guest: WEB, step, domain }, /is not its own/);
      assert.deepEqual(xen.calls, []);
    });
  }

  it('is told of no domain that xenstore calls a guest’s and Xen does not', async () => {
    // One that has not been looked at before.
    const other = FOREIGN_DOMAIN + 1;
    xen.addDomain(other, { uuid: FOREIGN, kernel: 'k', cmdline: '', memory: '', paused: false, cpu_time: 1 });
    xen.lies.set(other, MAIL);
    const report = await main.order({ guest: MAIL, step: 'find' });
    assert.ok(report.kind === 'result');
    assert.equal(report.result, undefined);
  });

  for (const [what, message] of HOSTILE) {
    it(`is not obeyed where it sends ${what}`, async () => {
      const before = xen.domains;
      main.write(message);
      assert.equal((await main.order({ guest: WEB, step: 'find' })).kind, 'result');
      assert.deepEqual(xen.calls, []);
      assert.deepEqual(xen.domains, before);
      assert.deepEqual(
        main.reports.filter((report) => 'id' in report && report.id === 1),
        [],
      );
    });
  }

  it('is not obeyed where its bytes are no messages, and ends nothing by them', async () => {
    const texts = ['', '{"id":1,', '\0\u0001\u00ff', '['.repeat(60_000), '{"a":'.repeat(9_000), '{"id":1}{"id":2}'];
    for (const text of texts) main.writeBytes(text);
    assert.equal((await main.order({ guest: WEB, step: 'find' })).kind, 'result');
    assert.deepEqual(xen.calls, []);
  });

  it('cannot fill memory by a message of 200 MiB', async () => {
    const before = await main.heldMemory();
    const chunk = Buffer.alloc(1024 * 1024, 'x');
    const chunks = 200;
    main.writeBytes('', chunks * chunk.length);
    for (let sent = 0; sent < chunks - 1; sent += 1) {
      if (!main.socket.write(chunk)) await once(main.socket, 'drain');
    }
    const grown = (await main.heldMemory()) - before;
    main.socket.write(chunk);
    assert.equal((await main.order({ guest: WEB, step: 'find' })).kind, 'result');
    assert.ok(grown < MOST_HELD, `it held ${grown} bytes more`);
  });

  it('cannot fill memory by orders whose answers it does not take', async () => {
    await created();
    const before = await main.heldMemory();
    main.deafen();
    const order = JSON.stringify({ id: 1, guest: 'x'.repeat(1_000), step: 'find' });
    for (let sent = 0; sent < 200_000; sent += 1) {
      if (main.writeBytes(order)) continue;
      // Nothing is taken any more from one that takes nothing.
      const isTaken = await Promise.race([once(main.socket, 'drain').then(() => true), sleep(500, false)]);
      if (!isTaken) break;
    }
    assert.ok(main.socket.writableLength > 0, 'all was taken');
    const grown = (await main.heldMemory()) - before;
    assert.ok(grown < MOST_HELD, `it held ${grown} bytes more`);
    main.socket.resume();
    assert.equal((await main.order({ guest: WEB, step: 'find' })).kind, 'result');
  });

  it('cannot ask for more at once than is bounded', async () => {
    for (let id = 1; id <= 1_000; id += 1) main.write({ id, guest: WEB, step: 'find' });
    const last = await main.answerTo(1_000);
    assert.ok(last.kind === 'failure');
    assert.match(last.failure.message, /too much is asked/);
    assert.equal((await main.order({ guest: MAIL, step: 'find' })).kind, 'result');
    await eventually(async () => assert.equal((await main.order({ guest: WEB, step: 'find' })).kind, 'result'));
  });

  it('cannot give two orders one id', async () => {
    main.write({ id: 1, guest: WEB, step: 'create' });
    main.write({ id: 1, guest: MAIL, step: 'create' });
    await main.answerTo(1);
    assert.deepEqual([...xen.domains.values()].map(({ uuid }) => uuid).sort(), [WEB, FOREIGN].sort());
  });

  it('cannot give a second list by the channel of the first', async () => {
    await eventually(() => assert.equal(main.child.connected, false));
  });

  it('makes no second domain of a guest', async () => {
    for (let id = 1; id <= 5; id += 1) main.write({ id, guest: WEB, step: 'create' });
    const kinds = await Promise.all([1, 2, 3, 4, 5].map(async (id) => (await main.answerTo(id)).kind));
    assert.deepEqual(kinds.sort(), ['failure', 'failure', 'failure', 'failure', 'result']);
    await refused({ guest: WEB, step: 'create' }, /it has a domain/);
    assert.equal([...xen.domains.values()].filter(({ uuid }) => uuid === WEB).length, 1);
  });

  it('gives no guest’s kernel other words', async () => {
    await refused({ guest: WEB, step: 'create', words: 'init=/bin/sh' }, /words for its command line/);
    assert.deepEqual(xen.calls, []);
  });

  it('restores no memory that is not there, or older than the disks', async () => {
    await refused({ guest: WEB, step: 'restore' }, /no saved memory that fits/);
    const saved = await created();
    await main.order({ guest: WEB, step: 'unpause', domain: saved });
    assert.equal((await main.order({ guest: WEB, step: 'save', domain: saved })).kind, 'result');
    assert.ok(existsSync(`${xen.saves}/${WEB}.memory`));
    const booted = await created();
    await main.order({ guest: WEB, step: 'destroy', domain: booted });
    await refused({ guest: WEB, step: 'restore' }, /no saved memory that fits/);
    assert.deepEqual(readdirSync(xen.saves), []);
  });

  it('is told of in one line a minute, which does not go by its own log', async () => {
    main.write(null);
    main.write(null);
    await main.order({ guest: WEB, step: 'find' });
    await eventually(() =>
      assert.match(main.errors, /^jitsu: libxl's process refused an order, so Jitsu itself may have been .*\n$/),
    );
  });

  it('ends it when it goes', async () => {
    main.socket.destroy();
    await once(main.child, 'exit');
  });
});

describe('the process that keeps root for libxl', () => {
  let xen: FakeXen;

  before(function () {
    requireRoot(this);
  });

  beforeEach(async () => {
    xen = await FakeXen.start();
  });

  afterEach(() => xen[Symbol.asyncDispose]());

  it('refuses a folder for saved memory that is not root’s', async () => {
    mkdirSync(xen.saves);
    writeFileSync(xen.folder.in('saves', `${WEB}.memory`), 'forged');
    chownSync(xen.saves, 65_534, 65_534);
    await using main = await TakenOverMain.start(xen.seal(xen.plan(WEB, 'web')));
    const report = main.opening;
    assert.ok(report?.kind === 'unusable', JSON.stringify(report));
    assert.match(report.failure.message, /saves belongs to the user with the number 65534/);
  });
});
