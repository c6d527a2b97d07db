import assert from 'node:assert/strict';
import { listenEndpoints, listenOption } from '#process/listen-option.js';

const parsed = (value: unknown) => listenOption.safeParse(value);

describe('the sockets that a program is started with', () => {
  it('are one or many, with a protocol, a port, and perhaps an address and a name', () => {
    const tcp = { protocol: 'tcp', port: 8080, name: 'unknown' };
    assert.deepEqual(parsed('tcp:8080').data, [tcp]);
    assert.deepEqual(parsed(['udp:5353=dns', 'tcp:127.0.0.9:80=a b.socket', 'tcp:[::0:1]:8080']).data, [
      { protocol: 'udp', port: 5353, name: 'dns' },
      { protocol: 'tcp', address: '127.0.0.9', port: 80, name: 'a b.socket' },
      { ...tcp, address: '::1' },
    ]);
  });

  for (const wrong of [
    ...['', '8080', 'tcp', 'tcp:', 'tcp:0', 'tcp:65536', 'tcp:x', 'sctp:80', 'tcp:80:81', 'tcp:::1:80', 'tcp:1.2.3:80'],
    ...[
      'tcp:[1.2.3.4]:80',
      'tcp:[fe80::1%eth0]:80',
      'tcp:[::1:80',
      ' tcp:80',
      'tcp:80=',
      'tcp:80=a:b',
      'tcp:80=ü',
      [],
      8080,
    ],
  ]) {
    it(`are not ${JSON.stringify(wrong)}`, () => assert.equal(parsed(wrong).success, false));
  }

  it('are at all addresses of the unikernel, in the order of the words and then of the addresses', () => {
    const options = listenOption.parse(['tcp:80=web', 'udp:10.0.0.9:53']);
    const all = listenEndpoints(options, ['10.0.0.1', '2001:DB8:0::1']);
    assert.deepEqual(
      all.map(({ protocol, address, port, name }) => [protocol, address, port, name]),
      [
        ['tcp', '10.0.0.1', 80, 'web'],
        ['tcp', '2001:db8::1', 80, 'web'],
        ['udp', '10.0.0.9', 53, 'unknown'],
      ],
    );
  });
});
