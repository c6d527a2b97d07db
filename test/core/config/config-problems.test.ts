import assert from 'node:assert/strict';
import { givenValue } from '#core/config/config-problems.js';

describe('a value in an error message', () => {
  it('shows no password', () => {
    assert.equal(givenValue('https://root:secret@xen.test/'), "'https://root:***@xen.test/'");
    assert.equal(givenValue('https://root:sec/r@t@xen.test'), "'https://root:***@xen.test'");
  });

  it('is short and on one line', () => {
    assert.equal(givenValue('a\nb'), "'a b'");
    assert.equal(givenValue('x'.repeat(1_000))?.length, 80);
  });

  it('costs no more than what is shown, however deep it is or much it holds', () => {
    let deep: unknown = 'x';
    for (let depth = 0; depth < 1_000_000; depth++) deep = [deep];
    assert.equal(givenValue(deep), `${'['.repeat(79)}…`);
    let much: unknown = { a: 1, b: 'https://root:secret@xen.test/' };
    for (let times = 0; times < 40; times++) much = [much, much];
    assert.match(givenValue(much) ?? '', /^\[{40}\{"a":1,"b":"https:\/\/root:\*\*\*@/);
    assert.equal(givenValue(Array.from({ length: 1_000_000 }, () => 1))?.length, 80);
  });

  it('may be anything', () => {
    const circular: { self?: unknown } = {};
    circular.self = circular;
    assert.equal(givenValue(circular), '[object Object]');
    assert.equal(givenValue(undefined), undefined);
    assert.equal(givenValue(5n), '5');
  });
});
