import assert from 'node:assert/strict';
import packet, { type Answer, type Packet } from 'dns-packet';
import fc from 'fast-check';
import { answers, isTruncated, readReply } from '#cli/resolve/reply.js';

const question = { name: 'a.test', type: 1 };

function reply(parts: Packet = {}): Buffer {
  return packet.encode({ type: 'response', id: 7, questions: [{ name: 'A.Test', type: 'A' }], ...parts });
}

function dataOf(record: Answer): string | undefined {
  return readReply(reply({ answers: [record] }))?.records[0]?.data;
}

describe('a reply', () => {
  it('answers only the question with its id, name and type', () => {
    assert.ok(answers(reply(), 7, question));
    assert.ok(!answers(reply(), 8, question));
    assert.ok(!answers(reply(), 7, { name: 'b.test', type: 1 }));
    assert.ok(!answers(reply(), 7, { name: 'a.test', type: 28 }));
    assert.ok(
      !answers(packet.encode({ type: 'query', id: 7, questions: [{ name: 'a.test', type: 'A' }] }), 7, question),
    );
  });

  it('may leave out the question, as refusals do', () => {
    assert.ok(answers(packet.encode({ type: 'response', id: 7 }), 7, question));
  });

  it('answers a question of a type that has no name', () => {
    const bytes = reply({ questions: [{ name: 'a.test', type: 'A' }] });
    bytes.writeUInt16BE(65, bytes.length - 4);
    assert.ok(answers(bytes, 7, { name: 'a.test', type: 65 }));
  });

  it('says what it is and what it holds', () => {
    const read = readReply(
      reply({
        flags: packet.AUTHORITATIVE_ANSWER | packet.RECURSION_DESIRED,
        answers: [{ name: 'a.test', type: 'A', ttl: 60, data: '192.0.2.1' }],
        authorities: [{ name: 'test', type: 'NS', ttl: 5, data: 'ns.test' }],
      }),
    );
    assert.deepEqual(read, {
      rcode: 'NOERROR',
      flags: ['aa', 'rd'],
      records: [
        { section: 'answer', name: 'a.test', ttl: 60, type: 'A', data: '192.0.2.1' },
        { section: 'authority', name: 'test', ttl: 5, type: 'NS', data: 'ns.test' },
      ],
      extendedErrors: [],
    });
  });

  it('says why it failed, where the server does', () => {
    const data = Buffer.concat([Buffer.of(0, 22), Buffer.from('hello: exited with status 1')]);
    const options = [{ code: 15, data }] as never;
    const bytes = reply({
      flags: 2,
      additionals: [
        {
          name: '.',
          type: 'OPT',
          udpPayloadSize: 1_232,
          extendedRcode: 0,
          ednsVersion: 0,
          flags: 0,
          flag_do: false,
          options,
        },
      ],
    });
    const read = readReply(bytes);
    assert.equal(read?.rcode, 'SERVFAIL');
    assert.deepEqual(read.extendedErrors, [
      { code: 22, meaning: 'No Reachable Authority', text: 'hello: exited with status 1' },
    ]);
    assert.deepEqual(read.records, []);
  });

  it('knows when it did not fit', () => {
    assert.ok(isTruncated(reply({ flags: packet.TRUNCATED_RESPONSE })));
    assert.ok(!isTruncated(reply()));
  });

  it('writes records as zone files do', () => {
    assert.equal(dataOf({ name: 'a', type: 'MX', data: { preference: 10, exchange: 'mx.test' } }), '10 mx.test');
    assert.equal(dataOf({ name: 'a', type: 'TXT', data: ['a "b"', 'c\n'] }), '"a \\"b\\"" "c\\010"');
    assert.equal(dataOf({ name: 'a', type: 'SRV', data: { priority: 1, weight: 2, port: 3, target: 't' } }), '1 2 3 t');
    assert.equal(
      dataOf({ name: 'a', type: 'CAA', data: { flags: 0, tag: 'issue', value: 'ca' } as never }),
      '0 issue "ca"',
    );
  });

  it('shows a record of a type that it does not know as bytes', () => {
    const bytes = reply({ answers: [{ name: 'a', type: 'NULL', data: Buffer.of(1, 2, 255) }] });
    bytes.writeUInt16BE(999, bytes.length - 13);
    assert.deepEqual(readReply(bytes)?.records[0], {
      section: 'answer',
      name: 'a',
      ttl: 0,
      type: 'TYPE999',
      data: '\\# 3 0102ff',
    });
  });

  it('is nothing rather than an exception when it is damaged', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 12, maxLength: 200 }), (bytes) => {
        readReply(bytes);
        answers(bytes, 7, question);
      }),
    );
  });

  it('is refused at once when it claims more records than it can hold', () => {
    const bytes = reply();
    bytes.writeUInt16BE(65_535, 6);
    assert.equal(readReply(bytes), undefined);
  });
});
