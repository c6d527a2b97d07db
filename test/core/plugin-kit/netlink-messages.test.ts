import assert from 'node:assert/strict';
import { NetlinkAnswer, netlinkAttribute, netlinkAttributes } from '#core/plugin-kit/netlink-messages.js';
import { numbersFrom } from '../../support/numbers-from.js';

const SEQUENCE = 7;
const [ERROR, DONE, ITEM] = [2, 3, 20];
const [MULTI, INTERRUPTED] = [0x02, 0x10];
const NO_SUCH_FILE = -2;

function message(type: number, body: Uint8Array = Buffer.alloc(0), flags = 0, sequence = SEQUENCE): Buffer {
  const bytes = Buffer.alloc((16 + body.length + 3) & ~3);
  bytes.writeUInt32LE(16 + body.length, 0);
  bytes.writeUInt16LE(type, 4);
  bytes.writeUInt16LE(flags, 6);
  bytes.writeUInt32LE(sequence, 8);
  bytes.set(body, 16);
  return bytes;
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

/** What is told of an answer in these datagrams. */
function read(...datagrams: readonly Buffer[]): { items: string[]; goesOn: boolean; problem: unknown } {
  const items: string[] = [];
  const answer = new NetlinkAnswer(SEQUENCE, ({ type, body }) => items.push(`${type} ${body.toString('hex')}`));
  for (const datagram of datagrams) answer.take(datagram);
  let problem: unknown;
  try {
    answer.check();
  } catch (error) {
    problem = (error as NodeJS.ErrnoException).code;
  }
  return { items, goesOn: answer.goesOn, problem };
}

describe('the answer of a kernel by netlink', () => {
  const one = message(ITEM, Buffer.of(1, 2, 3), MULTI);
  const two = message(ITEM, Buffer.of(4), MULTI);
  const end = message(DONE, number(0), MULTI);

  it('is one message, or a list to its end over several datagrams, and nothing of an earlier answer', () => {
    const whole = { goesOn: false, problem: undefined };
    assert.deepEqual(read(message(ITEM, Buffer.of(9))), { ...whole, items: ['20 09'] });
    assert.deepEqual(read(Buffer.concat([one, two]), end), { ...whole, items: ['20 010203', '20 04'] });
    assert.deepEqual(read(Buffer.concat([one, two])), { ...whole, goesOn: true, items: ['20 010203', '20 04'] });
    const earlier = [message(ITEM, Buffer.of(5), MULTI, 6), message(ERROR, number(NO_SUCH_FILE), 0, 6)];
    assert.deepEqual(read(Buffer.concat([...earlier, one, end])), { ...whole, items: ['20 010203'] });
    assert.deepEqual(read(message(ERROR, number(0))), { ...whole, items: [] });
  });

  it('is an error of the system, also at the end of a list', () => {
    assert.deepEqual(read(message(ERROR, number(NO_SUCH_FILE))), { items: [], goesOn: false, problem: 'ENOENT' });
    const broken = read(Buffer.concat([one, message(DONE, number(-105), MULTI)]));
    assert.deepEqual(broken, { items: ['20 010203'], goesOn: false, problem: 'ENOBUFS' });
  });

  it('is told as incomplete where the list has changed meanwhile', () => {
    const changed = message(ITEM, Buffer.of(1), MULTI | INTERRUPTED);
    assert.deepEqual([read(one, changed, end).problem, read(one, changed, end).goesOn], ['EINTR', false]);
  });

  it('is damaged where a message is cut, or has a length that cannot be, and where an error has no number', () => {
    const both = Buffer.concat([one, two]);
    for (const [what, datagram] of Object.entries({
      cut: both.subarray(0, both.length - 4),
      'cut in its header': both.subarray(0, one.length + 10),
      'of no length': withLength(both, one.length, 0),
      'shorter than its header': withLength(both, one.length, 15),
      'longer than what came': withLength(both, one.length, 2 ** 32 - 1),
      'with something behind it': Buffer.concat([one, Buffer.alloc(3)]),
    })) {
      const { items, problem } = read(datagram, end);
      assert.deepEqual([items, problem], [['20 010203'], 'EBADMSG'], what);
    }
    for (const body of [Buffer.alloc(0), Buffer.alloc(3), number(5)]) {
      assert.deepEqual(read(message(ERROR, body)), { items: [], goesOn: false, problem: 'EBADMSG' });
    }
  });

  it('is read to its end where whoever asked cannot take a message', () => {
    let taken = 0;
    const answer = new NetlinkAnswer(SEQUENCE, () => {
      taken += 1;
      throw new RangeError('no such thing');
    });
    for (const datagram of [one, two, end]) answer.take(datagram);
    assert.deepEqual([answer.goesOn, taken], [false, 1]);
    assert.throws(() => answer.check(), new RangeError('no such thing'));
  });

  it('gives nothing but what came, whatever the bytes are', () => {
    const random = numbersFrom(18);
    const good = Buffer.concat([one, two, message(ITEM, netlinkAttribute(3, Buffer.alloc(40, 7)), MULTI), end]);
    for (let round = 0; round < 20_000; round += 1) {
      const bytes =
        round % 2 === 0 ? Buffer.from(good) : Buffer.from(Array.from({ length: random(200) }, () => random(256)));
      for (let changes = 0; changes < 3; changes += 1) if (bytes.length > 0) bytes[random(bytes.length)] = random(256);
      const cut = bytes.subarray(0, random(bytes.length + 1));
      let read = 0;
      const answer = new NetlinkAnswer(SEQUENCE, ({ body }) => {
        read += 16 + body.length;
        for (const value of netlinkAttributes(body, 0).values()) assert.ok(value.length <= body.length);
      });
      answer.take(cut);
      assert.ok(read <= cut.length);
      try {
        answer.check();
      } catch (error) {
        assert.equal(typeof (error as NodeJS.ErrnoException).code, 'string');
      }
    }
  });
});

describe('attributes of netlink', () => {
  it('are read up to the first that is damaged', () => {
    const good = netlinkAttribute(1, Buffer.of(1, 2, 3));
    const all = Buffer.concat([Buffer.alloc(4), good, netlinkAttribute(0x8002, Buffer.of(4))]);
    const values = (bytes: Buffer): unknown =>
      [...netlinkAttributes(bytes, 4)].map(([type, value]) => [type, [...value]]);
    assert.deepEqual(values(all), [
      [1, [1, 2, 3]],
      [2, [4]],
    ]);
    const [first] = [[[1, [1, 2, 3]]]];
    for (const length of [0, 3, 9, 65_535]) {
      const bytes = Buffer.from(all);
      bytes.writeUInt16LE(length, 4 + good.length);
      assert.deepEqual(values(bytes), first, `length ${length}`);
    }
    assert.deepEqual(values(all.subarray(0, 4 + good.length + 3)), first);
  });
});

function withLength(bytes: Buffer, at: number, length: number): Buffer {
  const changed = Buffer.from(bytes);
  changed.writeUInt32LE(length, at);
  return changed;
}
