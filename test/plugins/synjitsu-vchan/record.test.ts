import assert from 'node:assert/strict';
import fc from 'fast-check';
import { decodeRecord, encodeRecord } from '#synjitsu-vchan/record.js';

describe('the record for Synjitsu', () => {
  it('is the MAC address and the IPv4 address, byte for byte', () => {
    assert.deepEqual(
      [...encodeRecord({ mac: '00:16:3E:ab:cd:ef', address: '192.0.2.254' })],
      [0x00, 0x16, 0x3e, 0xab, 0xcd, 0xef, 192, 0, 2, 254],
    );
  });

  it('is read as it was written', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 10, maxLength: 10 }), (record) => {
        assert.deepEqual(encodeRecord(decodeRecord(record)), record);
      }),
    );
    assert.deepEqual(decodeRecord(Uint8Array.of(0, 0x16, 0x3e, 0, 0, 1, 10, 0, 0, 2)), {
      mac: '00:16:3e:00:00:01',
      address: '10.0.0.2',
    });
  });

  it('is not made of anything else', () => {
    const mac = '00:16:3e:00:00:01';
    for (const wrong of ['00:16:3e:00:00', '00:16:3e:00:00:01:02', '00-16-3e-00-00-01', 'gg:16:3e:00:00:01', '']) {
      assert.throws(() => encodeRecord({ mac: wrong, address: '10.0.0.2' }), /no MAC address/);
    }
    for (const wrong of ['::1', '10.0.0', '10.0.0.256', '010.0.0.1', '']) {
      assert.throws(() => encodeRecord({ mac, address: wrong }), /no IPv4 address/);
    }
    for (const length of [0, 9, 11]) assert.throws(() => decodeRecord(new Uint8Array(length)), /no record/);
  });
});
