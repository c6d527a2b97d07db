import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Xenstore } from '#xenstore/xenstore.js';
import { XenstoreError } from '#xenstore/xenstore-error.js';
import { PrivateXenstored } from '../../support/xenstore/private-xenstored.js';
import { opened, outcome } from '../../support/xenstore/opened.js';

describe('the store of a real xenstored', () => {
  let daemon: PrivateXenstored | undefined;
  let xenstore: Xenstore;

  before(async function () {
    this.timeout(120_000);
    daemon = await PrivateXenstored.start(this);
  });

  beforeEach(async () => {
    xenstore = await opened(daemon!);
  });

  afterEach(() => xenstore.close());

  after(() => daemon?.[Symbol.asyncDispose]());

  it('keeps what is written, and makes the nodes above it', async () => {
    await xenstore.write('/keeps/a/b', 'one');
    assert.equal(await xenstore.read('/keeps/a/b'), 'one');
    assert.equal(await xenstore.read('/keeps/a'), '');
    await xenstore.write('/keeps/a/b', '');
    assert.equal(await xenstore.read('/keeps/a/b'), '');
  });

  it('keeps any bytes, and text as UTF-8', async () => {
    const bytes = fc.uint8Array({ maxLength: 200 });
    await fc.assert(
      fc.asyncProperty(bytes, async (value) => {
        await xenstore.write('/bytes', value);
        assert.deepEqual(new Uint8Array(await xenstore.readBytes('/bytes')), value);
      }),
      { numRuns: 50 },
    );
    await xenstore.write('/text', 'grüße\0');
    assert.equal(await xenstore.read('/text'), 'grüße\0');
  });

  it('says ENOENT for what is not there, and which node that is', async () => {
    const error = await xenstore.read('/no/such/node').catch((reason: unknown) => reason);
    assert.ok(error instanceof XenstoreError);
    assert.equal(error.code, 'ENOENT');
    assert.equal(error.message, 'xenstored does not read /no/such/node: ENOENT, there is no such node');
    assert.equal(await xenstore.exists('/no/such/node'), false);
    assert.equal(await xenstore.exists('/'), true);
  });

  it('makes nodes without touching what is there', async () => {
    await xenstore.write('/made', 'before');
    await xenstore.mkdir('/made');
    await xenstore.mkdir('/made/further/down');
    assert.equal(await xenstore.read('/made'), 'before');
    assert.equal(await xenstore.read('/made/further/down'), '');
  });

  it('removes a node with all below it; again without effect, and ENOENT where nothing is above it', async () => {
    await xenstore.write('/removed/a/b', 'one');
    await xenstore.rm('/removed/a');
    assert.equal(await xenstore.exists('/removed/a/b'), false);
    await xenstore.rm('/removed/a');
    assert.equal(await outcome(xenstore.rm('/removed/no/such')), 'ENOENT');
  });

  it('lists children, of a node without any, too', async () => {
    await xenstore.mkdir('/parent');
    assert.deepEqual(await xenstore.directory('/parent'), []);
    await xenstore.write('/parent/a', '');
    await xenstore.write('/parent/b/c', '');
    assert.deepEqual([...(await xenstore.directory('/parent'))].sort(), ['a', 'b']);
    assert.equal(await outcome(xenstore.directory('/no/such/node')), 'ENOENT');
  });

  it('lists more children than a message can hold, within a transaction, too', async () => {
    const names = Array.from({ length: 1_500 }, (_, index) => `a-rather-long-name-${index}`);
    await Promise.all(names.map((name) => xenstore.write(`/long/${name}`, '')));
    const expected = [...names].sort();
    assert.deepEqual([...(await xenstore.directory('/long'))].sort(), expected);
    const within = await xenstore.transaction((nodes) => nodes.directory('/long'));
    assert.deepEqual([...within].sort(), expected);
  });

  it('lists all or nothing while the children change', async () => {
    const names = Array.from({ length: 800 }, (_, index) => `a-rather-long-name-${index}`);
    await Promise.all(names.map((name) => xenstore.write(`/changing/${name}`, '')));
    await using other = await opened(daemon!);
    let changes = 0;
    let done = false;
    const changing = (async () => {
      for (; !done; changes += 1)
        await other.write('/changing/one-more', '').then(() => other.rm('/changing/one-more'));
    })();
    try {
      for (let round = 0; round < 10; round += 1) {
        const listed = await outcome(xenstore.directory('/changing'));
        if (listed === 'EAGAIN') continue;
        const found = new Set(listed as string[]);
        assert.ok(names.every((name) => found.has(name)));
        assert.equal(found.size, (listed as string[]).length, 'no name twice');
      }
    } finally {
      done = true;
      await changing;
    }
    assert.ok(changes > 0);
  });

  it('knows who may do what with a node', async () => {
    await xenstore.write('/guarded', '');
    assert.deepEqual(await xenstore.getPermissions('/guarded'), { owner: 0, others: 'none', grants: [] });
    await daemon!.introduce(7);
    await daemon!.introduce(8);
    const permissions = {
      owner: 7,
      others: 'read',
      grants: [
        { domainId: 0, access: 'both' },
        { domainId: 8, access: 'write' },
      ],
    } as const;
    await xenstore.setPermissions('/guarded', permissions);
    assert.deepEqual(await xenstore.getPermissions('/guarded'), permissions);
    assert.equal(await outcome(xenstore.getPermissions('/no/such/node')), 'ENOENT');
  });

  it('refuses paths that are none, and values that no message can hold, before it is asked', async () => {
    for (const path of [
      '',
      'relative',
      '/a//b',
      '/a/',
      '/ü',
      '/a b',
      '/a\0b',
      '@introduceDomain',
      `/${'a'.repeat(3072)}`,
    ]) {
      const error = await xenstore.read(path).catch((reason: unknown) => reason);
      assert.ok(error instanceof XenstoreError, path);
      assert.equal(error.code, 'EINVAL');
      assert.match(error.message, /no absolute path/);
      for (const refused of [
        xenstore.write(path, ''),
        xenstore.mkdir(path),
        xenstore.rm(path),
        xenstore.directory(path),
        xenstore.getPermissions(path),
        xenstore.setPermissions(path, { owner: 0, others: 'none', grants: [] }),
      ])
        assert.equal(await outcome(refused), 'EINVAL', path);
    }
    assert.equal(await outcome(xenstore.write('/big', 'x'.repeat(4096))), 'E2BIG');
    // As long as it can be: the path, a NUL, the value. xenstored has no limit for domain 0.
    await xenstore.write('/big', 'x'.repeat(4096 - 5));
    assert.equal((await xenstore.read('/big')).length, 4091);
  });

  it('leaves it to xenstored where the limit of a path is that the protocol allows', async () => {
    // As xenstored has it unless it is told otherwise; a domain's own node does not count.
    assert.equal(await outcome(xenstore.read(`/${'a'.repeat(2047)}`)), 'ENOENT');
    assert.equal(await outcome(xenstore.read(`/local/domain/65535/${'a'.repeat(2048)}`)), 'ENOENT');
    const error = (await xenstore.read(`/${'a'.repeat(3071)}`).catch((reason: unknown) => reason)) as XenstoreError;
    assert.equal(error.code, 'EINVAL');
    assert.match(error.message, /it makes no sense to xenstored$/);
  });

  it('knows domains', async () => {
    assert.equal(await xenstore.getDomainPath(5), '/local/domain/5');
    assert.equal(await xenstore.isDomainIntroduced(5), false);
    assert.equal(await xenstore.isDomainIntroduced(0), true);
    await daemon!.introduce(5);
    assert.equal(await xenstore.isDomainIntroduced(5), true);
    for (const id of [-1, 0.5, Number.NaN, 65_536]) assert.equal(await outcome(xenstore.getDomainPath(id)), 'EINVAL');
  });

  it('answers a thousand requests at once, each with its own answer', async () => {
    await Promise.all(Array.from({ length: 500 }, (_, index) => xenstore.write(`/many/${index}`, `value ${index}`)));
    const values = await Promise.all(
      Array.from({ length: 1_000 }, (_, index) => outcome(xenstore.read(`/many/${index}`))),
    );
    values.forEach((value, index) => assert.equal(value, index < 500 ? `value ${index}` : 'ENOENT'));
  });

  it('lets a hundred connect at once, though xenstored lets only one wait', async () => {
    const clients = await Promise.all(Array.from({ length: 100 }, () => opened(daemon!)));
    assert.ok((await Promise.all(clients.map((client) => client.exists('/')))).every(Boolean));
    await Promise.all(clients.map((client) => client.close()));
  });

  it('rejects what is on its way, and what comes later, when it is closed', async () => {
    const onItsWay = xenstore.read('/');
    const closed = xenstore.close();
    assert.equal(await outcome(onItsWay), 'JITSU_BACKEND_UNREACHABLE');
    await closed;
    await xenstore.close();
    for (const late of [
      xenstore.read('/'),
      xenstore.watch('/', () => undefined),
      xenstore.transaction(async () => 1),
    ]) {
      const error = (await late.catch((reason: unknown) => reason)) as Error;
      assert.equal(error.message, `xenstored at ${daemon!.socket} cannot be asked: it was closed.`);
    }
  });
});
