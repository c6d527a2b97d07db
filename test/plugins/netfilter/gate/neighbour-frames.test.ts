import assert from 'node:assert/strict';
import { answerTo, isOwnCheck, readSolicitation, type Solicitation } from '#netfilter/gate/neighbour-frames.js';

const MAC = Buffer.from('020000000080', 'hex');

const hex = (...parts: string[]): Buffer => Buffer.from(parts.join('').replace(/ /g, ''), 'hex');

/** 10.77.0.9 asks for 10.77.0.80. */
const request = hex(
  'ffffffffffff 020000000009 0806',
  '0001 0800 06 04 0001',
  '020000000009 0a4d0009 000000000000 0a4d0050',
);

/** fd77::9 asks for fd77::80. */
const solicitation = hex(
  '3333ff000080 020000000009 86dd',
  '60000000 0020 3a ff fd770000000000000000000000000009 ff0200000000000000000001ff000080',
  '87 00 0000 00000000 fd770000000000000000000000000080 01 01 020000000009',
);

const read = (frame: Buffer): Solicitation => {
  const read = readSolicitation(frame);
  assert.ok(read);
  return read;
};

describe('questions for the MAC of an address', () => {
  it('are read from ARP', () => {
    assert.deepEqual(readSolicitation(request), {
      target: '0a4d0050',
      senderAddress: '0a4d0009',
      senderMac: hex('020000000009'),
    });
  });

  it('are read from neighbour solicitations', () => {
    assert.deepEqual(readSolicitation(solicitation), {
      target: 'fd770000000000000000000000000080',
      senderAddress: 'fd770000000000000000000000000009',
      senderMac: hex('020000000009'),
    });
  });

  it('are not read from answers, from other frames, from beyond the link, and from what is cut off', () => {
    const changed = (frame: Buffer, offset: number, value: number): Buffer => {
      const copy = Buffer.from(frame);
      copy[offset] = value;
      return copy;
    };
    for (const frame of [
      changed(request, 21, 2),
      changed(request, 15, 6),
      changed(request, 13, 7),
      changed(solicitation, 54, 136),
      changed(solicitation, 20, 17),
      changed(solicitation, 21, 254),
    ]) {
      assert.equal(readSolicitation(frame), undefined);
    }
    for (let length = 0; length < 42; length += 1)
      assert.equal(readSolicitation(request.subarray(0, length)), undefined);
    for (let length = 0; length < 78; length += 1) {
      assert.equal(readSolicitation(solicitation.subarray(0, length)), undefined);
    }
  });

  it('are told from those by which a machine looks for its own address', () => {
    assert.equal(isOwnCheck(read(request)), false);
    assert.equal(isOwnCheck({ ...read(request), senderAddress: '00000000' }), true);
    assert.equal(isOwnCheck({ ...read(request), senderAddress: '0a4d0050' }), true);
    assert.equal(isOwnCheck({ ...read(solicitation), senderAddress: '0'.repeat(32) }), true);
  });

  it('are answered by ARP', () => {
    assert.deepEqual(
      answerTo(read(request), MAC),
      hex('020000000009 020000000080 0806', '0001 0800 06 04 0002', '020000000080 0a4d0050 020000000009 0a4d0009'),
    );
  });

  it('are answered by an advertisement with a good checksum', () => {
    const answer = answerTo(read(solicitation), MAC);
    assert.deepEqual(
      answer.subarray(0, 54),
      hex(
        '020000000009 020000000080 86dd',
        '60000000 0020 3a ff fd770000000000000000000000000080 fd770000000000000000000000000009',
      ),
    );
    // Solicited, and it replaces what is known.
    assert.equal(answer.readUInt32BE(58), 0x6000_0000);
    assert.deepEqual(answer.subarray(62), hex('fd770000000000000000000000000080 02 01 020000000080'));
    const pseudo = Buffer.concat([answer.subarray(22, 54), hex('00000020 0000003a'), answer.subarray(54)]);
    let sum = 0;
    for (let index = 0; index < pseudo.length; index += 2) sum += pseudo.readUInt16BE(index);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    assert.equal(sum, 0xffff);
  });
});
