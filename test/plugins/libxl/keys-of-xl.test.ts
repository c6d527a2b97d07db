import assert from 'node:assert/strict';
import { KEYS_OF_XL } from '#libxl/keys-of-xl.js';
import { libxlOptions } from '#libxl/libxl-options.js';

describe('the keys of xl', () => {
  it('are none of ours, and each sentence on them names none that we do not have', () => {
    for (const [key, sentence] of Object.entries(KEYS_OF_XL)) {
      assert.ok(!(key in libxlOptions.shape), key);
      assert.match(sentence, /^.+\.$/s);
      for (const [, named = ''] of sentence.matchAll(/'(\w+)' (?:is the key|has|names|another)/g))
        assert.ok(named in libxlOptions.shape, `${key}: ${named}`);
    }
  });

  it('have ours for what people write most', () => {
    assert.match(KEYS_OF_XL['vif'] ?? '', /^'nic' /);
    assert.match(KEYS_OF_XL['extra'] ?? '', /^'cmdline' /);
    assert.match(KEYS_OF_XL['builder'] ?? '', /^'type' /);
    assert.match(KEYS_OF_XL['onCrash'] ?? '', /boots it again/);
  });
});
