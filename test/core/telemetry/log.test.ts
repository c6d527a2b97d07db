import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { JitsuError } from '#core/errors.js';
import { createLogger, type LoggerOptions } from '#core/telemetry/log.js';
import { anEvent } from '../../support/store-records.js';

describe('the log', () => {
  let stream: PassThrough;

  beforeEach(() => {
    stream = new PassThrough();
  });

  function logger(options: Partial<LoggerOptions> = {}) {
    return createLogger({ level: 'info', stream, ...options });
  }

  /** What has been written, with no wait. One call of `read` gives all of it, or, from Node 26 on, one of the writes. */
  function written(): string {
    let text = '';
    for (let part: unknown = stream.read(); part !== null; part = stream.read()) text += (part as Buffer).toString();
    return text;
  }

  it('is an object of JSON a line, with time, level and fields, unless it is for people', () => {
    const log = logger().child({ backend: 'process' });
    log.info({ port: 53 }, 'first');
    log.warn({}, 'second');
    const [first, second] = written()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.match(String(first?.['time']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.deepEqual({ ...first, time: 0 }, { level: 'info', time: 0, backend: 'process', port: 53, msg: 'first' });
    assert.equal(second?.['level'], 'warn');
  });

  it('leaves out what is below its level', () => {
    logger({ level: 'warn' }).info({}, 'unheard');
    logger({ level: 'silent' }).error({}, 'unheard');
    assert.equal(written(), '');
  });

  it('is one short line for people, without what an event has said in words', () => {
    const log = logger({ format: 'text' });
    log.info({ event: anEvent() }, 'hello: ready after 84 ms');
    assert.match(written(), /^\d\d:\d\d:\d\d\.\d{3} info {2}hello: ready after 84 ms\n$/);
    log.info({ port: 53, name: 'two words' }, 'listening');
    assert.match(written(), / info {2}listening {2}port=53 name="two words"\n$/);
  });

  it('shows the stack of an error that nobody has foreseen, and only the words of one of ours', () => {
    const log = logger({ format: 'text' });
    log.error({ error: new JitsuError('JITSU_NOT_RUNNING', 'ours') }, 'first');
    assert.equal(written().split('\n').length, 2);
    log.error({ error: new TypeError('odd') }, 'second');
    assert.match(written(), /second {2}error="odd"\n {4}TypeError: odd\n {8}at /);
  });

  it('lets no control character from the network through to the terminal', () => {
    logger({ format: 'text' }).info({ name: 'a\u009bb' }, 'asked for \u001b[2J\nfake');
    const line = written();
    assert.match(line, /asked for \\x1b\[2J\\x0afake {2}name=a\\x9bb\n$/);
  });

  it('has a level at the head of each line for systemd, which knows the time by itself', () => {
    const log = logger({ level: 'debug', format: 'journal' });
    log.debug({}, 'first');
    log.info({ event: anEvent(), port: 53 }, 'second');
    log.warn({}, 'a\nb');
    log.error({ error: new TypeError('odd') }, 'fourth');
    const [first, second, third, fourth, ...stack] = written().trimEnd().split('\n');
    assert.deepEqual(
      [first, second, third, fourth],
      ['<7>first', '<6>second  port=53', '<4>a\\x0ab', '<3>fourth  error="odd"'],
    );
    assert(stack.length > 1);
    for (const line of stack) assert.match(line, /^<3> {4}/);
  });

  it('is written so where its stream is the one that systemd names, and only there', async () => {
    const program = `
      import { createLogger } from ${JSON.stringify(new URL('../../../../core/dist/telemetry/log.js', import.meta.url))};
      import { fstatSync } from 'node:fs';
      const { dev, ino } = fstatSync(2);
      for (const stream of [dev + ':' + ino, dev + ':' + (ino + 1)]) {
        process.env.JOURNAL_STREAM = stream;
        createLogger({ level: 'info' }).warn({}, 'words');
      }`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
      stdio: ['ignore', 'inherit', 'pipe'],
    });
    const [first = '', second = ''] = (await text(child.stderr)).split('\n');
    assert.equal(first, '<4>words');
    assert.equal((JSON.parse(second) as { msg: string }).msg, 'words');
  });
});
