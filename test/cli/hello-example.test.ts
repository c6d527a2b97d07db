import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { runJitsu } from '../support/jitsu-command.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));

describe('the example that npx jitsu start serves', () => {
  it('has a configuration that is good', async () => {
    const { status, stdout } = await runJitsu(['check'], { cwd: root });
    assert.equal(status, 0);
    assert.match(stdout, /^jitsu\.config\.ts is good\.\n/);
    assert.match(stdout, /\nhello +process +hello\.jitsu\.test +127\.0\.0\.\d+ +http:8080\/ /);
  });

  it('is a web server that says who it is, and ends when it is asked to', async () => {
    const server = spawn(process.execPath, ['examples/hello/server.js', '127.0.0.1', '0'], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const [line] = (await once(createInterface({ input: server.stdout }), 'line')) as [string];
      const url = /http:\/\/\S+/.exec(line)?.[0] ?? assert.fail(`no address in: ${line}`);
      assert.match(
        await (await fetch(url)).text(),
        new RegExp(`^Hello! .*\\bProcess ${server.pid}, launched \\d{4}-`, 's'),
      );
      assert.equal((await fetch(`${url}other`)).status, 404);
    } finally {
      server.kill('SIGTERM');
    }
    const [status] = (await once(server, 'close')) as [number | null];
    assert.equal(status, 0);
  });
});
