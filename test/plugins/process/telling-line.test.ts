import assert from 'node:assert/strict';
import { tellingLine } from '#process/telling-line.js';

describe('the line that tells why a program has ended', () => {
  const cases: readonly (readonly [title: string, lines: readonly string[], line: string | undefined])[] = [
    [
      'is the error of Node, before its stack and its version',
      [
        '/srv/app.js:3',
        "throw new TypeError('no port');",
        '^',
        'TypeError: no port',
        '    at Object.<anonymous> (/srv/app.js:3:7)',
        'Node.js v20.20.2',
      ],
      'TypeError: no port',
    ],
    [
      'has the code of an error of Node',
      ['node:internal/modules/cjs/loader:1228', '  throw err;', 'Error [ERR_X]: gone', 'Node.js v20.20.2'],
      'Error [ERR_X]: gone',
    ],
    [
      'is the error of solo5, before its usage',
      [
        "solo5-spt: Resource 'service' of type NET_BASIC declared in manifest but not attached",
        'Usage: solo5-spt [ CORE OPTIONS ] [ MODULE OPTIONS ] -- KERNEL [ ARGS ]',
        'KERNEL is the filename of the unikernel to run.',
      ],
      "solo5-spt: Resource 'service' of type NET_BASIC declared in manifest but not attached",
    ],
    [
      'is the exception of Python',
      ['Traceback (most recent call last):', '  File "a.py", line 1, in <module>', 'ValueError: bad'],
      'ValueError: bad',
    ],
    ['is the panic of Go', ['panic: no port', 'goroutine 1 [running]:', 'exit status 2'], 'panic: no port'],
    [
      'goes on where the message of Rust does',
      ["thread 'main' panicked at src/main.rs:2:5:", 'no port', 'note: run with `RUST_BACKTRACE=1`'],
      "thread 'main' panicked at src/main.rs:2:5: no port",
    ],
    [
      'is what Postgres calls fatal, and not its hint',
      [
        '2026-11-30 07:00:00 UTC [7] FATAL:  lock file "postmaster.pid" already exists',
        '2026-11-30 07:00:00 UTC [7] HINT:  Is another postmaster (PID 1) running?',
      ],
      '2026-11-30 07:00:00 UTC [7] FATAL:  lock file "postmaster.pid" already exists',
    ],
    ['is the last one where none is an error', ['starting', 'cannot bind'], 'cannot bind'],
    ['is a usage that stands alone', ['usage: a [-b]'], 'usage: a [-b]'],
    ['is none where nothing was written', [], undefined],
  ];
  for (const [title, lines, line] of cases) it(title, () => assert.equal(tellingLine(lines), line));
});
