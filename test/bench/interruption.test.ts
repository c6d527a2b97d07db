import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const BENCH = fileURLToPath(new URL('../support/interrupted-bench.js', import.meta.url));

describe('a bench that is interrupted', function () {
  this.timeout(60_000);

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    it(`by ${signal} ends what it has started, and then by that signal`, async () => {
      const bench = spawn(process.execPath, [BENCH], { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
      let jitsu: number | undefined;
      try {
        const [line] = (await once(createInterface(bench.stdout), 'line')) as [string];
        jitsu = Number(line);
        assert.ok(existsSync(`/proc/${jitsu}`), line);
        // To it alone: a terminal would tell its children, too.
        bench.kill(signal);
        assert.deepEqual(await once(bench, 'exit'), [null, signal]);
        assert.ok(!existsSync(`/proc/${jitsu}`), 'its Jitsu has ended');
      } finally {
        bench.kill('SIGKILL');
        if (jitsu !== undefined && existsSync(`/proc/${jitsu}`)) process.kill(jitsu, 'SIGTERM');
      }
    });
  }
});
