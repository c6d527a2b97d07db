import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

describe('the commands of this repository', () => {
  for (const [name, words] of Object.entries({ bench: /summon.*storm/, soak: /--minutes/ })) {
    const run = (...arguments_: readonly string[]) => {
      const program = fileURLToPath(new URL(`../${name}/run.js`, import.meta.url));
      return spawnSync(process.execPath, [program, ...arguments_], { encoding: 'utf8' });
    };

    it(`show how ${name} is called, also after a mistake`, function () {
      this.timeout(60_000);
      const { status, stdout, stderr } = run('--help');
      assert.deepEqual([status, stderr], [0, '']);
      assert.match(stdout, words);
      const mistaken = run('--no-such-flag');
      assert.equal(mistaken.status, 2);
      assert.match(mistaken.stderr, words);
      assert.doesNotMatch(mistaken.stderr, /^ {4}at /m);
      assert.equal(run('nonsense').status, 2);
    });
  }
});
