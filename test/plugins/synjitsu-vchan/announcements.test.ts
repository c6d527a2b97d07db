import assert from 'node:assert/strict';
import { announcementsOf } from '#synjitsu-vchan/announcements.js';
import { anEvent } from '../../support/store-records.js';

const [first, second] = ['00:16:3e:00:00:01', '00:16:3e:00:00:02'];
const announced = (macs: readonly string[], addresses: readonly string[]) =>
  announcementsOf(anEvent({ unikernel: 'web', macs, addresses }));

describe('what Synjitsu is told of a unikernel', () => {
  it('is its card and its address, once for each IPv4 address', () => {
    assert.deepEqual(announced([first], ['192.0.2.1', '2001:db8::1', '192.0.2.2']), {
      announcements: [
        { mac: first, address: '192.0.2.1' },
        { mac: first, address: '192.0.2.2' },
      ],
    });
  });

  it('is about the first of several cards, and says so', () => {
    assert.deepEqual(announced([first, second], ['192.0.2.1']), {
      announcements: [{ mac: first, address: '192.0.2.1' }],
      remark: `web has 2 network cards; the first, ${first}, is announced`,
    });
  });

  it('is nothing without a card or an IPv4 address, and says which is missing', () => {
    assert.deepEqual(announced([], ['192.0.2.1']), {
      announcements: [],
      remark: 'web has no network card that its backend knows of',
    });
    assert.deepEqual(announced([first], ['2001:db8::1']), { announcements: [], remark: 'web has no IPv4 address' });
  });
});
