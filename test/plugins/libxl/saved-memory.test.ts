import assert from 'node:assert/strict';
import { appendFileSync, copyFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { domainConfig } from '#libxl/domain-config.js';
import { libxlOptions } from '#libxl/libxl-options.js';
import { hashOf, SavedMemory } from '#libxl/saved-memory.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

const UUID = '6695eb01-f6a4-8304-79aa-97f2502e193f';
const OTHER = '11111111-2222-8333-a444-555555555555';
const ORIGIN = { uuid: UUID, hash: 'h', version: '4.17' };

describe('saved memory', () => {
  let folder: TemporaryFolder;
  let saves: SavedMemory;

  beforeEach(async () => {
    folder = new TemporaryFolder();
    saves = new SavedMemory(folder.in('saves'));
    writeFileSync(await saves.prepare(UUID), 'memory');
  });

  afterEach(() => folder[Symbol.dispose]());

  it('counts once it is labelled, and is for nobody else to read', async () => {
    assert.equal(await saves.find(ORIGIN), 'none');
    await saves.label(ORIGIN);
    assert.equal(await saves.find(ORIGIN), 'fits');
    assert.equal(statSync(folder.in('saves')).mode & 0o077, 0);
  });

  it('leaves nothing behind when it is removed', async () => {
    await saves.label(ORIGIN);
    await saves.remove(UUID);
    assert.equal(await saves.find(ORIGIN), 'none');
    assert.deepEqual(readdirSync(folder.in('saves')), []);
  });

  for (const [what, origin, reason] of [
    ['another configuration', { ...ORIGIN, hash: 'i' }, /configuration or its kernel has changed/],
    ['another libxl', { ...ORIGIN, version: '4.18' }, /saved by Xen 4\.17/],
  ] as const) {
    it(`is refused by ${what}`, async () => {
      await saves.label(ORIGIN);
      const found = await saves.find(origin);
      assert.ok(typeof found === 'object');
      assert.match(found.refused, reason);
    });
  }

  it('is refused when it is cut off, or longer than it was', async () => {
    await saves.label(ORIGIN);
    appendFileSync(saves.fileOf(UUID), 'x');
    assert.deepEqual(await saves.find(ORIGIN), { refused: 'its file is damaged' });
  });

  it('is refused when it is that of somebody else, or its label makes no sense', async () => {
    await saves.label(ORIGIN);
    copyFileSync(folder.in('saves', `${UUID}.json`), folder.in('saves', `${OTHER}.json`));
    copyFileSync(saves.fileOf(UUID), saves.fileOf(OTHER));
    const foreign = { refused: 'it belongs to something else' };
    assert.deepEqual(await saves.find({ ...ORIGIN, uuid: OTHER }), foreign);
    for (const text of ['', '{', 'null', '[]', '{"format":1}']) {
      writeFileSync(folder.in('saves', `${UUID}.json`), text);
      assert.deepEqual(await saves.find(ORIGIN), foreign, text);
    }
  });

  it('belongs to a configuration with the kernel as it is', async () => {
    const kernel = folder.in('kernel');
    writeFileSync(kernel, 'one');
    const config = (more: object) =>
      domainConfig(UUID, libxlOptions.parse({ name: 'a', kernel, memory: '64MiB', ...more }));
    const hash = await hashOf(config({}));
    assert.equal(await hashOf(config({})), hash);
    assert.notEqual(await hashOf(config({ memory: '65MiB' })), hash);
    writeFileSync(kernel, 'three');
    assert.notEqual(await hashOf(config({})), hash);
  });
});
