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

  it('may be anything', () => {
    const circular: { self?: unknown } = {};
    circular.self = circular;
    assert.equal(givenValue(circular), '[object Object]');
    assert.equal(givenValue(undefined), undefined);
    assert.equal(givenValue(5n), '5');
  });
});
