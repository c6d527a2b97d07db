import assert from 'node:assert/strict';
import { replyText, type TimedReply } from '#cli/output/reply-text.js';

const timed: TimedReply = {
  rcode: 'NOERROR',
  flags: ['aa', 'rd', 'ra'],
  records: [{ section: 'answer', name: 'hello.jitsu.test', ttl: 60, type: 'A', data: '127.0.0.80' }],
  extendedErrors: [],
  server: '127.0.0.1:10053',
  transport: 'UDP',
  elapsed: 84,
};

describe('what jitsu resolve shows', () => {
  it('is the outcome, whose, how and how fast, and the records', () => {
    assert.equal(
      replyText(timed),
      'NOERROR from 127.0.0.1:10053 over UDP in 84 ms (flags: aa rd ra)\n\n' +
        'SECTION  NAME              TTL  TYPE  DATA\n' +
        'answer   hello.jitsu.test   60  A     127.0.0.80\n',
    );
  });

  it('is the reason of a failure in words', () => {
    const failed = {
      ...timed,
      rcode: 'SERVFAIL',
      flags: [],
      records: [],
      extendedErrors: [
        { code: 22, meaning: 'No Reachable Authority', text: 'hello: exited' },
        { code: 49_152, text: '' },
      ],
    };
    assert.equal(
      replyText(failed),
      'SERVFAIL from 127.0.0.1:10053 over UDP in 84 ms (flags: none)\n' +
        'EDE 22 (No Reachable Authority): hello: exited\nEDE 49152\n\nNo records.\n',
    );
  });
});
