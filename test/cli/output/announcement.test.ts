import assert from 'node:assert/strict';
import type { Settings } from '@jitsud/core';
import { abridged, announcement, announcementLines, farewell } from '#cli/output/announcement.js';

const hello = {
  name: 'hello',
  names: ['hello.jitsu.test', '*.jitsu.test'],
  addresses: ['127.0.0.80'],
  backend: 'process',
  ready: [{ words: 'tcp:8080' }, { words: 'http:8080/index' }],
};
const settings = { unikernels: [hello] } as unknown as Settings;
const listening = [
  { address: '127.0.0.1', port: 10_053 },
  { address: '::1', port: 10_053 },
];

describe('what jitsu start says first', () => {
  it('is what is served, where, and what to try next', () => {
    assert.equal(
      announcement({ settings, listening, udpTransport: 'mmsg' }, { calledAs: 'npx jitsu', control: '/c.sock' }),
      [
        'Jitsu answers DNS on 127.0.0.1:10053, [::1]:10053, over UDP (mmsg) and TCP.',
        '',
        '  NAME              ADDRESS     UNIKERNEL  BACKEND',
        '  hello.jitsu.test  127.0.0.80  hello      process',
        '  *.jitsu.test      127.0.0.80  hello      process',
        '',
        'A unikernel boots when its name is asked for. Try, in another terminal:',
        '',
        '  npx jitsu resolve hello.jitsu.test --control /c.sock',
        '  curl http://127.0.0.80:8080/index',
        '  npx jitsu status --control /c.sock',
        '',
        'Ctrl-C ends it; what runs by then keeps running.',
        '',
      ].join('\n'),
    );
  });

  it('is in the log what the original said', () => {
    assert.deepEqual(announcementLines({ settings, listening, udpTransport: 'dgram' }), [
      'serving hello.jitsu.test (127.0.0.80) by hello of process',
      'serving *.jitsu.test (127.0.0.80) by hello of process',
      'answering DNS on 127.0.0.1:10053, [::1]:10053, over UDP (dgram) and TCP',
    ]);
  });

  it('is short, however much is served', () => {
    const many = { unikernels: Array.from({ length: 100_000 }, () => hello) } as unknown as Settings;
    assert.ok(announcement({ settings: many, listening }, { calledAs: 'jitsu' }).split('\n').length < 40);
    assert.match(announcement({ settings: many, listening }, { calledAs: 'jitsu' }), /\n {2}and 199980 more\n/);
    assert.equal(announcementLines({ settings: many, listening }).length, 22);
    assert.deepEqual(
      announcementLines({ ...abridged(many), listening }),
      announcementLines({ settings: many, listening }),
    );
  });

  it('asks for a name below a wildcard', () => {
    const wild = { unikernels: [{ ...hello, names: ['*.jitsu.test'] }] } as unknown as Settings;
    assert.match(
      announcement({ settings: wild, listening }, { calledAs: 'jitsu' }),
      /jitsu resolve www\.jitsu\.test\n/,
    );
  });

  it('names at the end what keeps running, and how it is stopped', () => {
    assert.equal(farewell('stop', ['a']), 'ending; stopping unikernels');
    assert.equal(farewell('keep', []), 'ending; no unikernel runs');
    assert.match(farewell('keep', ['a']), /^ending; a keeps running\. .*"jitsu stop NAME".* stop\.onExit: stop, /);
    const many = Array.from({ length: 23 }, (_, index) => `n${index}`);
    assert.match(farewell('keep', many), /^ending; n0, n1, .*, n19, and 3 more keep running\. /);
  });
});
