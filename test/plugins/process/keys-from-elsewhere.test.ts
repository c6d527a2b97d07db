import assert from 'node:assert/strict';
import { KEYS_FROM_ELSEWHERE } from '#process/keys-from-elsewhere.js';
import { processOptions } from '#process/process-options.js';

describe('the keys from elsewhere', () => {
  it('are none of the process backend, and name those that it has, or that every unikernel has', () => {
    const common = ['ip', 'ready', 'watch'];
    for (const [key, sentence] of Object.entries(KEYS_FROM_ELSEWHERE)) {
      assert.ok(!(key in processOptions.shape), key);
      assert.match(sentence, /^.+\.$/s);
      for (const [, named = ''] of sentence.matchAll(/'(\w+)'/g))
        assert.ok(named in processOptions.shape || common.includes(named), `${key}: ${named}`);
    }
  });
});
