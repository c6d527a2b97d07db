import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseWords } from '#core/config/unikernel-entries.js';

const entryOf = (text: string): Record<string, unknown> => ({ ...parseWords(text).entry });

describe('unikernels in words', () => {
  it('are keys and values between commas', () => {
    assert.deepEqual(entryOf('dns=a.test,ip=127.0.0.9,name=a'), { dns: 'a.test', ip: '127.0.0.9', name: 'a' });
  });

  it('split at the first equals sign only', () => {
    assert.deepEqual(entryOf('env=A=b=c'), { env: 'A=b=c' });
  });

  it('gather repeated keys in a list', () => {
    assert.deepEqual(entryOf('dns=a,dns=b,ip=1,dns=c'), { dns: ['a', 'b', 'c'], ip: '1' });
  });

  it('take an escaped comma into the value', () => {
    assert.deepEqual(entryOf('command=echo a\\,b,name=x'), { command: 'echo a,b', name: 'x' });
  });

  it('take two backslashes before a comma as one, which ends the value', () => {
    assert.deepEqual(entryOf('command=a\\\\,name=x'), { command: 'a\\', name: 'x' });
  });

  it('leave backslashes alone where no comma follows', () => {
    assert.deepEqual(entryOf('command=printf "\\n\\\\",name=x\\'), { command: 'printf "\\n\\\\"', name: 'x\\' });
  });

  it('drop spaces around keys and values', () => {
    assert.deepEqual(entryOf(' dns = a.test , name= b c '), { dns: 'a.test', name: 'b c' });
  });

  it('name the parts that are no key=value', () => {
    assert.deepEqual(parseWords('dns=a,junk,=x,').malformed, ['junk', '=x']);
  });

  it('cannot reach the prototype of the entry', () => {
    const { entry } = parseWords('__proto__=x,dns=a');
    assert.deepEqual(Object.keys(entry), ['__proto__', 'dns']);
  });

  it('can say any value', () => {
    const values = fc.array(
      fc.string().map((text) => text.trim()),
      { minLength: 1, maxLength: 4 },
    );
    fc.assert(
      fc.property(values, (list) => {
        const escaped = list.map((value) =>
          value.replaceAll(/\\*(,|$)/g, (run) =>
            run.endsWith(',') ? `${run.slice(0, -1).replaceAll('\\', '\\\\')}\\,` : run.replaceAll('\\', '\\\\'),
          ),
        );
        // At the very end of the text no comma follows, so backslashes there stand for themselves.
        const last = list.length - 1;
        const tail = /\\*$/.exec(list[last] ?? '')?.[0].length ?? 0;
        const text = escaped
          .map((value, index) => `k${String(index)}=${index === last && tail > 0 ? value.slice(0, -tail) : value}`)
          .join(',');
        assert.deepEqual(Object.values(entryOf(text)), list);
      }),
    );
  });
});
