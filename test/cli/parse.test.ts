import assert from 'node:assert/strict';
import { parse } from '#cli/parse.js';
import { UsageError } from '#cli/usage-error.js';

const word = 'dns=www.example.org,ip=192.0.2.7,name=www';

describe('the command line', () => {
  it('means the same with and without start', () => {
    const flags = ['-x', 'libxl', word];
    assert.deepEqual(parse(flags), parse(['start', ...flags]));
    assert.deepEqual(parse(flags), { command: 'start', words: [word], options: { backend: 'libxl' } });
    assert.deepEqual(parse([]), { command: 'start', words: [], options: {} });
  });

  it('has every flag of the original Jitsu, short and long', () => {
    const short = '-b 127.0.0.2 -c xen:/// -d 0.5 -f 192.0.2.53 -l 5353 -m suspend -p 54 -t 30 -x xapi';
    const long =
      '--bind=127.0.0.2 --connect=xen:/// --delay=0.5 --forwarder=192.0.2.53 --listen=5353 --mode=suspend --port=54 --ttl=30 --backend=xapi';
    const options = {
      bind: ['127.0.0.2'],
      connect: 'xen:///',
      delay: 0.5,
      forwarder: ['192.0.2.53'],
      listen: 5_353,
      mode: 'suspend',
      port: 54,
      ttl: 30,
      backend: 'xapi',
    };
    assert.deepEqual(parse(short.split(' ')), { command: 'start', words: [], options });
    assert.deepEqual(parse(long.split(' ')), { command: 'start', words: [], options });
    assert.deepEqual(parse(['--persistdb=/tmp/db', '--synjitsu=UUID']), {
      command: 'start',
      words: [],
      options: { persistdb: '/tmp/db', synjitsu: 'UUID' },
    });
  });

  it('takes flags that plugins declare, of which one of its own keeps its meaning', () => {
    const declared = { value: 'TEXT', sets: 'notifiers.x.y', description: 'x' };
    const flags = ['frob-it', 'bind', 'frob-it'].map((name) => ({ ...declared, name }));
    assert.deepEqual(parse(['--frob-it', 'x', '--bind', '::1'], flags), {
      command: 'start',
      words: [],
      options: { frobIt: 'x', bind: ['::1'] },
    });
    assert.throws(() => parse(['--frob-it', 'x']), /unknown option '--frob-it'/);
  });

  it('takes flags after words, as the original does', () => {
    assert.deepEqual(parse([word, '-m', 'suspend', '-c', 'vbox:///session']), {
      command: 'start',
      words: [word],
      options: { mode: 'suspend', connect: 'vbox:///session' },
    });
  });

  it('takes several addresses and forwarders, in order', () => {
    const { options } = parse(['-b', '127.0.0.1', '-b', '::1', '-f', '192.0.2.1', '-f', '192.0.2.2:54']);
    assert.deepEqual(options, { bind: ['127.0.0.1', '::1'], forwarder: ['192.0.2.1', '192.0.2.2:54'] });
  });

  it('does not take the value of a flag for a command', () => {
    assert.deepEqual(parse(['-c', 'status', word]), {
      command: 'start',
      words: [word],
      options: { connect: 'status' },
    });
  });

  it('reads the other commands', () => {
    assert.deepEqual(parse(['status', '--watch', '--json']), {
      command: 'status',
      options: { watch: true, json: true, limit: 50 },
    });
    assert.deepEqual(parse(['status', '--watch', '0.5', '--history', 'hello']), {
      command: 'status',
      options: { watch: 0.5, history: 'hello', limit: 50 },
    });
    assert.deepEqual(parse(['summon', 'hello', '--control', '/s']), {
      command: 'summon',
      name: 'hello',
      options: { control: '/s' },
    });
    assert.deepEqual(parse(['stop', 'hello', '-m', 'suspend']), {
      command: 'stop',
      name: 'hello',
      options: { mode: 'suspend' },
    });
    assert.deepEqual(parse(['keep', 'hello', '--for', '2h']), {
      command: 'keep',
      name: 'hello',
      options: { for: '2h' },
    });
    assert.throws(() => parse(['keep', 'hello', '--for', '2h', '--until', '18:00']), UsageError);
    assert.deepEqual(parse(['flush']), { command: 'flush', options: {} });
    assert.deepEqual(parse(['flush', 'a.test']), { command: 'flush', name: 'a.test', options: {} });
    assert.deepEqual(parse(['resolve', 'a.test', 'AAAA', '--tcp']), {
      command: 'resolve',
      name: 'a.test',
      type: 'AAAA',
      options: { tcp: true, timeout: 15 },
    });
    assert.deepEqual(parse(['plugins']), { command: 'plugins', options: {} });
    assert.deepEqual(parse(['check', '--schema']), { command: 'check', words: [], options: { schema: true } });
  });

  for (const [words, complaint] of [
    ['--frob', /unknown option '--frob'/],
    ['dns=a.test,command=node -e 1', /unknown option '-e'\. If it is part of .*put the whole word in quotes/],
    ['start --liste 5', /unknown option '--liste'\s.*--listen/s],
    ['-l', /argument missing/],
    ['-l 65536', /'65536' is invalid. A port number/],
    ['-l 5x', /'5x' is invalid/],
    ['-l 0x35', /'0x35' is invalid/],
    ['-d -1', /'-1' is invalid|argument missing/],
    ['-t 1e3', /'1e3' is invalid/],
    ['summon', /missing required argument 'name'/],
    ['summon a b', /too many arguments/],
    ['status --watch 0', /'0' is invalid/],
    ['resolve a --port 0', /'0' is invalid/],
  ] as const) {
    it(`refuses ${words}`, () => {
      assert.throws(
        () => parse(words.split(' ')),
        (error) => error instanceof UsageError && complaint.test(error.message),
      );
    });
  }
});
