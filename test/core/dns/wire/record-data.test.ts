import assert from 'node:assert/strict';
import { MessageNames } from '#core/dns/wire/compressed-name.js';
import { hasValidData } from '#core/dns/wire/record-data.js';
import { walkRecords, type RecordSpan } from '#core/dns/wire/message-sections.js';

/** A header, the name `a.test` at offset 12, and a record of it with this data. */
function isValid(type: number, data: readonly number[]): boolean {
  const name = [1, 0x61, 4, ...Buffer.from('test'), 0];
  const record = [0xc0, 12, type >> 8, type & 0xff, 0, 1, 0, 0, 0, 60, data.length >> 8, data.length & 0xff, ...data];
  const message = Uint8Array.from([...new Uint8Array(12), ...name, ...record]);
  const [span] = walkRecords(message, 12 + name.length, 1) as [RecordSpan];
  return hasValidData(message, span, new MessageNames(message));
}

const zeros = (count: number): number[] => Array<number>(count).fill(0);
const pointer = [0xc0, 12];
const own = [1, 0x62, ...pointer];

describe('the data of a record', () => {
  for (const [title, type, valid, invalid] of [
    ['A', 1, [zeros(4)], [[], zeros(3), zeros(5)]],
    ['AAAA', 28, [zeros(16)], [zeros(4), zeros(17)]],
    ['CNAME', 5, [own, pointer, [0]], [[], [1], [0xc0], [0xc0, 11], [0xc0, 250], [64, ...zeros(64)], [...own, 0]]],
    ['NS', 2, [own], [[3, 1]]],
    ['SOA', 6, [[...own, ...own, ...zeros(20)]], [zeros(4), [...own, ...zeros(20)], [...own, ...own, ...zeros(21)]]],
    ['MX', 15, [[0, 1, ...own]], [[0], [0, 1], [0, 1, ...own, 0]]],
    ['SRV', 33, [[...zeros(6), ...own]], [zeros(6), own]],
    ['NAPTR', 35, [[...zeros(4), 1, 0x73, 0, 0, ...own]], [[...zeros(4), 9, 0x73, 0, 0, ...own], zeros(7)]],
    ['RRSIG', 46, [[...zeros(18), ...own, 1, 2]], [zeros(18)]],
    [
      'HTTPS',
      65,
      [
        [0, 1, 0],
        [0, 1, ...own, 0, 1, 0, 0],
      ],
      [[0], [0, 1]],
    ],
    ['TXT, which is not looked at', 16, [[], zeros(3)], []],
    ['an unknown type', 65_280, [[], zeros(9)], []],
    ['TSIG', 250, [], [[], own]],
    ['the question type ANY', 255, [], [zeros(4)]],
    ['0', 0, [], [[]]],
  ] as const satisfies readonly (readonly [string, number, readonly number[][], readonly number[][]])[]) {
    it(`is checked for type ${title}`, () => {
      for (const data of valid) assert.equal(isValid(type, data), true, `${data.join(' ')} is valid`);
      for (const data of invalid) assert.equal(isValid(type, data), false, `${data.join(' ')} is not`);
    });
  }

  it('may not have a name of more than 127 pointers', () => {
    const chain = (count: number): boolean => {
      const start = [...new Uint8Array(12), 0];
      const pointerTo = (offset: number): number[] => [0xc0 | (offset >> 8), offset & 0xff];
      const pointers = Array.from({ length: count }, (_, index) => pointerTo(index === 0 ? 12 : 11 + 2 * index));
      const at = start.length + 2 * count;
      const record = [0, 0, 5, 0, 1, 0, 0, 0, 60, 0, 2, ...pointerTo(11 + 2 * count)];
      const message = Uint8Array.from([...start, ...pointers.flat(), ...record]);
      const [span] = walkRecords(message, at, 1) as [RecordSpan];
      return hasValidData(message, span, new MessageNames(message));
    };
    assert.deepEqual([chain(1), chain(100), chain(126), chain(127)], [true, true, true, false]);
  });
});
