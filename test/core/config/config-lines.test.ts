import assert from 'node:assert/strict';
import { configLines } from '#core/config/config-lines.js';

const YAML = `# a comment
backend: process # another
unikernels:
  # the first
  - name: "one"

    dns:
      - one.test
      # in between
      - two.test
    note: >
      folded: text
      of two lines
  -
    name: two
    empty:
    ttl: 5
? odd
: 3
flow: {d: 1, e: [1,
   2, {f: 3}]}
1: x
`;

const JSON_TEXT = `{
\t"a": {
\t\t"b": [ 1,
\t\t\t{ "c": "x: y", "d": { "e" : null } }, 3 ],
\t\t"http://x": "# no comment"
\t},
\t"b": 2, "b": 3,
\t"b": 4
}
`;

describe('the lines of a configuration', () => {
  it('are those of keys and of items in YAML, wherever comments and blanks stand', () => {
    const lineOf = configLines(YAML);
    const lines = [
      lineOf(['backend']),
      lineOf(['unikernels', 0]),
      lineOf(['unikernels', 0, 'name']),
      lineOf(['unikernels', 0, 'dns', 0]),
      lineOf(['unikernels', 0, 'dns', 1]),
      lineOf(['unikernels', 0, 'note']),
      lineOf(['unikernels', 1]),
      lineOf(['unikernels', 1, 'empty']),
      lineOf(['unikernels', 1, 'ttl']),
      lineOf(['odd']),
      lineOf(['flow', 'e', 1]),
      lineOf(['flow', 'e', 2, 'f']),
      lineOf(['1']),
    ];
    assert.deepEqual(lines, [2, 5, 5, 8, 10, 11, 15, 16, 17, 18, 21, 21, 22]);
  });

  it('are those of JSON, with tabs, too, and of the last of several keys of one name', () => {
    const lineOf = configLines(JSON_TEXT);
    const lines = [
      lineOf(['a']),
      lineOf(['a', 'b', 0]),
      lineOf(['a', 'b', 1, 'd', 'e']),
      lineOf(['a', 'http://x']),
      lineOf(['b']),
    ];
    assert.deepEqual(lines, [2, 3, 4, 5, 8]);
  });

  it('of what is missing are those of what it is missing in', () => {
    const lineOf = configLines(YAML);
    assert.equal(lineOf(['unikernels', 1, 'ip']), 15);
    assert.equal(lineOf(['unikernels', 7]), 3);
    assert.equal(lineOf(['nothing']), undefined);
  });

  it('of what an alias or a merge brings are those where it is brought in', () => {
    const lineOf = configLines('x: &x\n  ip: 1\ny:\n  - <<: *x\n    dns: a\n  - *x\n');
    assert.deepEqual([lineOf(['y', 0, 'ip']), lineOf(['y', 1, 'ip'])], [4, 6]);
  });

  it('begin below a key where only that counts, and behind a byte order mark', () => {
    assert.equal(configLines('\uFEFF{\n"jitsu": {\n"dns": 5 } }', ['jitsu'])(['dns']), 3);
  });

  it('are found as fast where each of many unikernels has a mistake', () => {
    const count = 20_000;
    const lineOf = configLines(`unikernels:\n${'  - ip: x\n'.repeat(count)}`);
    const before = process.cpuUsage();
    for (let index = 0; index < count; index++) assert.equal(lineOf(['unikernels', index, 'ip']), index + 2);
    // It took 20 s when the whole file was looked at for each.
    assert.ok(process.cpuUsage(before).user < 2_000_000);
  });

  it('are unknown where the text is neither', () => {
    assert.equal(configLines('{ "a": ')(['a']), undefined);
    assert.equal(configLines('')(['a']), undefined);
  });
});
