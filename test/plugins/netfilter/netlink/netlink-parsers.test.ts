import assert from 'node:assert/strict';
import { attributeAt } from '#netfilter/netlink/attributes.js';
import { readConnection } from '#netfilter/netlink/conntrack.js';
import { eachTimedElement, type TimedElement } from '#netfilter/netlink/element-time.js';
import { messagesIn, NETFILTER_HEADER } from '#netfilter/netlink/netlink-message.js';
import { failureIn } from '#netfilter/netlink/netlink-socket.js';
import { loggedAttributesIn, loggedPacketOf } from '#netfilter/netlink/packet-log.js';
import { queuedPacketsIn } from '#netfilter/netlink/packet-queue.js';
import { RECORDED, recorded } from '../../../support/netfilter/recorded-netlink.js';
import { readAll } from '../../../support/netfilter/read-all.js';

const SEGMENT =
  '45000035e218400040065aa47f0000017f000005b20c1f90fbd26deaee4f05f480180040817300000101080a656e938c41fb146678';

function bodyOf(name: keyof typeof RECORDED): Buffer {
  const [message] = [...messagesIn(recorded(name))];
  return (message as { body: Buffer }).body;
}

function elementsIn(body: Buffer): TimedElement[] {
  const found: TimedElement[] = [];
  eachTimedElement(body, 900_000, (element) => found.push(element));
  return found;
}

describe('what the kernel says on netlink', () => {
  it('is read message by message', () => {
    const messages = [...messagesIn(Buffer.concat([recorded('flow'), recorded('flowsEnd')]))];
    assert.deepEqual(
      messages.map(({ type, sequence }) => [type, sequence]),
      [
        [0xa0c, 0x106],
        [0xa0c, 0x106],
        [3, 0x106],
      ],
    );
  });

  it('is an acknowledgement, a refusal with its code, or the end of a list', () => {
    const failures = (['acknowledgement', 'noElement', 'end'] as const).map((name) => {
      const [message] = [...messagesIn(recorded(name))];
      return message === undefined ? 'nothing' : failureIn(message)?.code;
    });
    assert.deepEqual(failures, [undefined, 'ENOENT', undefined]);
  });

  it('tells how long ago an element was renewed', () => {
    const [element] = elementsIn(bodyOf('element'));
    assert.equal(element?.key.toString('hex'), '7f000005060000001f900000');
    assert.equal(element.age, 104);
  });

  it('tells of a flow its client and its service', () => {
    assert.deepEqual(
      elementsIn(bodyOf('flow')).map(({ key, age }) => [key.toString('hex'), age]),
      [['7f000001b20c00007f000005060000001f900000', 140]],
    );
  });

  it('tells the packets of a counter', () => {
    const packets = attributeAt(bodyOf('counter').subarray(NETFILTER_HEADER), [4, 2], 8);
    assert.equal(packets?.readBigUInt64BE(0), 0n);
  });

  it('describes a tracked connection', () => {
    const { identity, ...connection } = readConnection(bodyOf('connection')) ?? {};
    assert.deepEqual(connection, {
      ...{ client: '7f000001', clientPort: 45_580, service: '7f000005', servicePort: 8080, protocol: 6 },
      ...{ isEstablished: true, isOffloaded: false, timeout: 431_999, packets: undefined },
    });
    assert.equal(identity?.length, 2);
  });

  it('takes an offloaded connection for one in use, also without its timeout', () => {
    const body = Buffer.from(bodyOf('connection'));
    // Status: offloaded. Timeout: another attribute.
    const status = body.indexOf(Buffer.from('080003000000000e', 'hex'));
    body.writeUInt32BE(0x400e, status + 4);
    body.writeUInt16LE(50, body.indexOf(Buffer.from('080007000006977f', 'hex')) + 2);
    const connection = readConnection(body);
    assert.equal(connection?.isOffloaded, true);
    assert.equal(connection.timeout, undefined);
  });

  it('brings packets of a queue with their numbers', () => {
    assert.deepEqual(
      [...queuedPacketsIn(recorded('queued'))].map(({ id, bytes }) => [id, bytes.toString('hex')]),
      [[1, SEGMENT]],
    );
  });

  it('brings whole packets of a log', () => {
    const [packet] = [...loggedAttributesIn(recorded('logged'))].map(loggedPacketOf);
    assert.equal(packet?.toString('hex', 0, 20), '4500003505c94000400636f47f0000017f000005');
    assert.equal(packet.length, 0x35);
  });
});

describe('what is damaged on netlink', () => {
  it('is read as far as it goes, at whatever byte it ends', () => {
    for (const name of Object.keys(RECORDED) as (keyof typeof RECORDED)[]) {
      const whole = recorded(name);
      for (let end = 0; end <= whole.length; end++) readAll(whole.subarray(0, end));
    }
  });

  it('is read without an error or an endless loop, whatever its bytes say of lengths', () => {
    for (const name of Object.keys(RECORDED) as (keyof typeof RECORDED)[]) {
      for (const value of [0, 1, 2, 3, 4, 0x7f, 0x80, 0xff]) {
        const whole = recorded(name);
        for (let at = 0; at < whole.length; at++) {
          const damaged = Buffer.from(whole);
          damaged[at] = value;
          readAll(damaged);
        }
      }
    }
  });

  it('never lends what lies behind a packet', () => {
    const datagram = recorded('queued');
    const room = Buffer.concat([datagram, Buffer.alloc(64, 0xee)]);
    // The length of the payload's attribute, larger than the message.
    room.writeUInt16LE(0x60, room.indexOf(Buffer.from('39000a00', 'hex')));
    assert.deepEqual(
      [...queuedPacketsIn(room.subarray(0, datagram.length))].map(({ bytes }) => bytes.length),
      [0],
    );
  });
});
