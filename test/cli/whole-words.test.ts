import assert from 'node:assert/strict';
import { wholeWords } from '#cli/whole-words.js';

describe('words that the shell has split', () => {
  for (const [what, split, whole] of [
    ['at blanks behind commas', ['dns=a.test,', 'ip=::1,', 'name=a'], ['dns=a.test,ip=::1,name=a']],
    ['at blanks in place of commas', ['dns=a.test', 'ip=::1', 'name=a'], ['dns=a.test,ip=::1,name=a']],
    [
      'within a command',
      ['dns=a.test,ip=::1,command=python3', 'server.py', '80,ready=tcp:80'],
      ['dns=a.test,ip=::1,command=python3 server.py 80,ready=tcp:80'],
    ],
    ['before the DNS name', ['name=a,', 'dns=a.test'], ['name=a,dns=a.test']],
    ['within a list of names', ['dns=a.test,', 'dns=b.test,ip=::1'], ['dns=a.test,dns=b.test,ip=::1']],
    [
      'of several unikernels',
      ['dns=a.test,', 'ip=::1', 'dns=b.test,ip=::2', 'name=b'],
      ['dns=a.test,ip=::1', 'dns=b.test,ip=::2,name=b'],
    ],
  ] as const) {
    it(`are put together: ${what}`, () => assert.deepEqual(wholeWords(split), whole));
  }

  it('are none where each has its DNS name', () => {
    assert.equal(wholeWords(['dns=a.test,ip=::1', 'ip=::2,dns=b.test', 'dns=c.test,command=a\\,b=c']), undefined);
    assert.equal(wholeWords(['dns=a.test,ip=::1,', 'dns=b.test,ip=::2,']), undefined);
    assert.equal(wholeWords([' dns = a.test, ip=::1']), undefined);
    assert.equal(wholeWords(['ip=::1']), undefined);
    assert.equal(wholeWords([]), undefined);
  });
});
