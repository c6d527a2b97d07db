import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { hexDigits, readAddress } from '#netfilter/netlink/read-address.js';

describe('an address as the gate reads it', () => {
  for (const [text, digits] of Object.entries({
    '0.0.0.0': '00000000',
    '10.77.0.80': '0a4d0050',
    '255.255.255.255': 'ffffffff',
    '::': '0'.repeat(32),
    '::1': '1'.padStart(32, '0'),
    '1::': '0001'.padEnd(32, '0'),
    'fd77::80': 'fd770000000000000000000000000080',
    'FD77::A:0:Bb': 'fd770000000000000000000a000000bb',
    '1:2:3:4:5:6:7:8': '00010002000300040005000600070008',
    '1:2:3:4:5:6:7::': '00010002000300040005000600070000',
    '::2:3:4:5:6:7:8': '00000002000300040005000600070008',
    '::ffff:192.0.2.7': '00000000000000000000ffffc0000207',
    '64:ff9b::192.0.2.7': '0064ff9b0000000000000000c0000207',
    '1:2:3:4:5:6:192.0.2.7': '000100020003000400050006c0000207',
  })) {
    it(`is read from ${text}`, () => assert.equal(hexDigits(text), digits));
  }

  it('is one, or none, as Node says', () => {
    const pieces = [
      '0',
      '1',
      '9',
      '10',
      '256',
      '00',
      '.',
      '.',
      ':',
      ':',
      '::',
      'f',
      'ffff',
      'g',
      '12345',
      '192.0.2.7',
      ' ',
    ];
    let state = 1;
    const next = (most: number): number => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((state / 2_147_483_648) * most);
    };
    const texts = [
      '',
      '1.2.3',
      '1.2.3.4.5',
      '1:2:3:4:5:6:7:8:9',
      '::1::',
      ':::',
      '1:',
      ':1',
      '1.2.3.4:80',
      '::1.2.3',
      '1:2:3:4:5:6:7:1.2.3.4',
    ];
    for (let count = 0; count < 200_000; count += 1) {
      texts.push(Array.from({ length: 1 + next(9) }, () => pieces[next(pieces.length)]).join(''));
    }
    for (const text of texts) {
      const lengths = { 0: 0, 4: 4, 6: 16 } as Readonly<Record<number, number>>;
      assert.equal(readAddress(text).length, lengths[isIP(text)], text);
    }
  });
});
