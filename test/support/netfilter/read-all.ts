import assert from 'node:assert/strict';
import { textOfAttribute } from '#netfilter/netlink/attributes.js';
import { readConnection } from '#netfilter/netlink/conntrack.js';
import { eachTimedElement } from '#netfilter/netlink/element-time.js';
import { messagesIn } from '#netfilter/netlink/netlink-message.js';
import { failureIn } from '#netfilter/netlink/netlink-socket.js';
import { loggedFramesIn, queuedFrame } from '#netfilter/netlink/frame-outlet.js';
import { answerOfClosedPort } from '#netfilter/netlink/closed-port.js';
import { loggedAttributesIn, loggedPacketOf } from '#netfilter/netlink/packet-log.js';
import { queuedPacketsIn } from '#netfilter/netlink/packet-queue.js';
import { repairChecksum } from '#netfilter/netlink/repair-checksum.js';

/** Gives what may have come on a socket of netlink to all that reads such, and checks what must hold of any bytes. */
export function readAll(bytes: Buffer): void {
  let total = 0;
  for (const message of messagesIn(bytes)) {
    total += message.body.length;
    const failure = failureIn(message);
    assert.ok(failure?.code !== '');
    textOfAttribute(message.body);
    eachTimedElement(message.body, 900_000, ({ key, age }) => {
      assert.ok(age >= 0 && key.length <= message.body.length);
    });
    const connection = readConnection(message.body);
    if (connection !== undefined) assert.match(connection.service, /^([0-9a-f]{8}|[0-9a-f]{32})$/);
  }
  assert.ok(total <= bytes.length);
  for (const packet of queuedPacketsIn(bytes)) {
    assert.ok(packet.bytes.length <= bytes.length);
    const header = queuedFrame(packet)?.header.length ?? 14;
    assert.ok(header === 14 || header === 18);
  }
  for (const attributes of loggedAttributesIn(bytes)) {
    const packet = loggedPacketOf(attributes);
    if (packet === undefined) continue;
    assert.ok(packet.length >= 20 && packet.length <= bytes.length);
    repairChecksum(Buffer.from(packet));
    const answer = answerOfClosedPort(packet);
    assert.ok(answer === undefined || (answer.length >= 40 && answer.length <= 1_280));
  }
  for (const { packet, header } of loggedFramesIn(bytes)) {
    assert.ok(packet.length >= 20 && packet.length <= bytes.length);
    assert.ok(header.length === 14 || header.length === 18);
  }
}
