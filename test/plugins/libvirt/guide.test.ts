import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { runJitsu } from '../../support/jitsu-command.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

const run = promisify(execFile);
const guide = readFileSync(fileURLToPath(new URL('../../../../docs/libvirt.md', import.meta.url)), 'utf8');

/** What stands in the guide's blocks of a language. */
function blocks(language: string): string[] {
  return [...guide.matchAll(/^```(\w+)\n(.*?)^```$/gms)].flatMap(([, of, text]) =>
    of === language ? [text ?? ''] : [],
  );
}

/** The words that a shell makes of a command, without the first two. */
async function wordsOf(command: string): Promise<string[]> {
  const { stdout } = await run('sh', ['-c', `set -- ${command}\nshift 2; printf '%s\\0' "$@"`]);
  return stdout.split('\0').slice(0, -1);
}

describe('the guide to virtual machines with libvirt', () => {
  let folder: TemporaryFolder;

  beforeEach(() => {
    folder = new TemporaryFolder();
  });
  afterEach(() => folder[Symbol.dispose]());

  it('has configurations that are good', async () => {
    const configurations = blocks('ts');
    assert.equal(configurations.length, 2);
    for (const text of configurations) {
      writeFileSync(folder.in('jitsu.config.ts'), text);
      const { status, stdout, stderr } = await runJitsu(['check', '--offline'], { cwd: folder.path });
      assert.equal(status, 0, stderr);
      assert.match(stdout, / libvirt|near/);
    }
  });

  it('has command lines that are good', async () => {
    const commands = blocks('sh').filter((text) => text.startsWith('jitsu start'));
    assert.equal(commands.length, 2);
    for (const command of commands) {
      const { status, stdout, stderr } = await runJitsu(['check', '--offline', ...(await wordsOf(command))], {
        cwd: folder.path,
      });
      assert.equal(status, 0, stderr);
      assert.match(stdout, /^\S+ +libvirt +\S+\.jitsu\.test +192\.168\.\d+\.\d+ +tcp:80 /m);
    }
  });
});
