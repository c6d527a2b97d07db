import assert from 'node:assert/strict';
import { startRequest } from '#cli/start-request.js';
import { UsageError } from '#cli/usage-error.js';

const refusal = (words: readonly string[]): UsageError => {
  try {
    startRequest('check', '/', words, {});
  } catch (error) {
    assert.ok(error instanceof UsageError);
    return error;
  }
  return assert.fail('it was taken');
};

describe('the request to start', () => {
  it('is refused for words that quotes were forgotten around, with the quotes', () => {
    const { message, command } = refusal(['dns=a.test,ip=::1,command=echo', "it's"]);
    assert.ok(message.endsWith(`: 'dns=a.test,ip=::1,command=echo it'\\''s'`), message);
    assert.equal(command, 'check');
  });

  it('is refused for a file, with the flag for it', () => {
    for (const file of ['x.yaml', 'jitsu.config.ts', './a/b.json'])
      assert.match(refusal([file]).message, new RegExp(`--config ${file.replaceAll('.', '\\.')}$`));
  });

  it('is refused for anything else that is no unikernel', () => {
    assert.match(refusal(['a.test']).message, /^'a\.test' describes no unikernel\. Words such as /);
  });
});
