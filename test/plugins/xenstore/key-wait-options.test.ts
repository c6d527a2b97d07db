import assert from 'node:assert/strict';
import { keyWaitOptions } from '#xenstore/key-wait-options.js';

describe('the words of the xenstore-key probe', () => {
  it('are a key, and for how long to wait for it, which is 2 s where nothing is said', () => {
    assert.deepEqual(keyWaitOptions.parse('data/ready'), { key: 'data/ready', timeout: 2_000 });
    assert.deepEqual(keyWaitOptions.parse('up:5s'), { key: 'up', timeout: 5_000 });
    assert.deepEqual(keyWaitOptions.parse('a-b/c_d@e:0.5'), { key: 'a-b/c_d@e', timeout: 500 });
  });

  it('are refused where they are no key below the domain, or no time', () => {
    for (const words of [
      undefined,
      '',
      '/data',
      'data/',
      'a//b',
      '../1/up',
      'a b',
      'ü',
      ':5s',
      'a:1s:2s',
      'a'.repeat(2049),
    ]) {
      const [issue] = keyWaitOptions.safeParse(words).error?.issues ?? [];
      assert.match(issue?.message ?? 'accepted', /^A key below \/local\/domain\/DOMID\/ expected/, String(words));
    }
    for (const words of ['up:', 'up:soon', 'up:-1']) {
      const [issue] = keyWaitOptions.safeParse(words).error?.issues ?? [];
      assert.match(issue?.message ?? 'accepted', /^A number of seconds, or a duration/, words);
    }
  });
});
