import assert from 'node:assert/strict';
import { packageEntry } from '#core/plugins/package-entry.js';

describe('the entry of a package', () => {
  for (const [fields, entry] of [
    [{}, 'index.js'],
    [{ main: './lib.js' }, './lib.js'],
    [{ main: './lib.js', exports: './esm.js' }, './esm.js'],
    [{ exports: { '.': './dot.js', './x': './x.js' } }, './dot.js'],
    [{ exports: { types: './x.d.ts', import: './esm.js', default: './cjs.js' } }, './esm.js'],
    [{ exports: { '.': { types: './x.d.ts', default: './default.js' } } }, './default.js'],
    [
      {
        exports: { '.': { browser: './b.js', node: { require: './r.cjs', import: './node.mjs' }, default: './d.js' } },
      },
      './node.mjs',
    ],
    [{ exports: { '.': { node: { require: './r.cjs' }, default: './d.js' } } }, './d.js'],
    [{ exports: { '.': [{ deno: './deno.js' }, './fallback.js'] } }, './fallback.js'],
    [{ exports: { './only-this': './x.js' } }, undefined],
    [{ exports: { '.': null } }, undefined],
    [{ exports: { '.': { require: './r.cjs' } } }, undefined],
  ] as const) {
    it(`with ${JSON.stringify(fields)} is ${String(entry)}`, () => {
      assert.equal(packageEntry(fields), entry);
    });
  }

  it('is none of conditions that are nested without end', () => {
    let exports: unknown = './index.js';
    for (let depth = 0; depth < 100_000; depth++) exports = { node: [exports] };
    assert.equal(packageEntry({ exports }), undefined);
  });
});
