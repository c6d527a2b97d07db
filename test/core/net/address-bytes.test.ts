import assert from 'node:assert/strict';
import { ClientAddresses } from '#core/net/address-bytes.js';

describe('addresses of clients', () => {
  const addresses = new ClientAddresses();

  it('become 4 or 16 bytes, without their scope', () => {
    assert.deepEqual(addresses.bytesOf('192.0.2.1'), Uint8Array.of(192, 0, 2, 1));
    const linkLocal = Uint8Array.of(0xfe, 0x80, ...Array<number>(13).fill(0), 1);
    assert.deepEqual(addresses.bytesOf('fe80::1'), linkLocal);
    assert.deepEqual(addresses.bytesOf('fe80::1%eth0'), linkLocal);
  });

  it('are given again as they were', () => {
    assert.equal(addresses.bytesOf('192.0.2.1'), addresses.bytesOf('192.0.2.1'));
  });

  it('are none where there is no address', () => {
    for (const text of ['', 'inject', 'localhost', '1.2.3', '%eth0']) assert.equal(addresses.bytesOf(text), undefined);
  });

  it('are not kept without end', () => {
    const first = addresses.bytesOf('192.0.2.1');
    for (let index = 0; index < 3_000; index++) addresses.bytesOf(`10.1.${index >> 8}.${index & 255}`);
    assert.notEqual(addresses.bytesOf('192.0.2.1'), first);
  });
});
