import assert from 'node:assert/strict';
import { walkRecords } from '#core/dns/wire/message-sections.js';

const BEHIND_OWNER = [0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1];

/** A record of an address, whose owner has so many bytes in all: labels of one byte, and at most one of two. */
function recordOf(ownerLength: number): Uint8Array {
  const isEven = ownerLength % 2 === 0;
  const labels = Array.from({ length: (ownerLength - (isEven ? 4 : 1)) / 2 }, () => [1, 0x61]).flat();
  return Uint8Array.from([...labels, ...(isEven ? [2, 0x61, 0x61] : []), 0, ...BEHIND_OWNER]);
}

describe('the records of a message', () => {
  it('have owners of at most 255 bytes', () => {
    for (const [length, isRecord] of [
      [254, true],
      [255, true],
      [256, false],
      [257, false],
    ] as const) {
      const record = recordOf(length);
      assert.equal(record.length, length + BEHIND_OWNER.length);
      assert.equal(walkRecords(record, 0, 1) !== undefined, isRecord, `an owner of ${length} bytes`);
    }
  });

  it('follow one another, and are refused where one is cut off', () => {
    const [one, other] = [recordOf(3), recordOf(5)];
    const message = Uint8Array.from([...one, ...other]);
    assert.deepEqual(walkRecords(message, 0, 2), [
      { start: 0, typeAt: 3, type: 1, end: one.length },
      { start: one.length, typeAt: one.length + 5, type: 1, end: message.length },
    ]);
    for (let length = 0; length < message.length; length += 1) {
      assert.equal(walkRecords(message.subarray(0, length), 0, 2), undefined, `cut off at ${length}`);
    }
  });

  it('have pointers that go back', () => {
    assert.notEqual(walkRecords(Uint8Array.from([0, 0xc0, 0, ...BEHIND_OWNER]), 1, 1), undefined);
    for (const pointer of [1, 2]) {
      assert.equal(walkRecords(Uint8Array.from([0, 0xc0, pointer, ...BEHIND_OWNER]), 1, 1), undefined, String(pointer));
    }
  });
});
