import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import packet, { type Packet } from 'dns-packet';
import { CommandFailure } from '#cli/command-failure.js';
import { exchange } from '#cli/resolve/exchange.js';
import { readReply } from '#cli/resolve/reply.js';
import { FakeUpstream, type UpstreamQuery } from '../../support/dns-upstream.js';

const question = { name: 'a.test', type: 1 };
const patient = { tcp: false, timeout: 10_000 };

function answerTo({ bytes }: UpstreamQuery, parts: Packet = {}): Buffer {
  const { id, questions } = packet.decode(bytes);
  return packet.encode({
    type: 'response',
    id: id ?? 0,
    questions: questions ?? [],
    answers: [{ name: 'a.test', type: 'A', ttl: 60, data: '192.0.2.1' }],
    ...parts,
  });
}

describe('an exchange with a DNS server', () => {
  it('takes the answer over UDP', async () => {
    await using server = await FakeUpstream.start((query) => [answerTo(query)]);
    const { bytes, transport } = await exchange(server.endpoint, question, patient);
    assert.equal(transport, 'UDP');
    assert.equal(readReply(bytes)?.records[0]?.data, '192.0.2.1');
  });

  it('asks once more when no answer comes', async () => {
    await using server = await FakeUpstream.start((query, { queries }) =>
      queries.length === 1 ? [] : [answerTo(query)],
    );
    await exchange(server.endpoint, question, { tcp: false, timeout: 200 });
    assert.equal(server.queries.length, 2);
  });

  it('gives up after the second time, and says how long it has waited', async () => {
    await using server = await FakeUpstream.start(() => []);
    await assert.rejects(
      exchange(server.endpoint, question, { tcp: false, timeout: 100 }),
      /gave no answer within 0\.2 s/,
    );
    assert.equal(server.queries.length, 2);
  });

  it('goes on waiting when what comes answers another question', async () => {
    await using server = await FakeUpstream.start((query) => [
      answerTo(query, { id: (packet.decode(query.bytes).id ?? 0) ^ 1 }),
      answerTo(query, { questions: [{ name: 'b.test', type: 'A' }] }),
      Buffer.of(1, 2, 3),
      answerTo(query, { answers: [{ name: 'a.test', type: 'A', data: '192.0.2.2' }] }),
    ]);
    const { bytes } = await exchange(server.endpoint, question, patient);
    assert.equal(readReply(bytes)?.records[0]?.data, '192.0.2.2');
    assert.equal(server.queries.length, 1);
  });

  it('asks over TCP when the answer did not fit', async () => {
    await using server = await FakeUpstream.start((query) => [
      query.transport === 'udp' ? answerTo(query, { flags: packet.TRUNCATED_RESPONSE, answers: [] }) : answerTo(query),
    ]);
    const { bytes, transport } = await exchange(server.endpoint, question, patient);
    assert.equal(transport, 'TCP');
    assert.equal(readReply(bytes)?.records.length, 1);
  });

  it('asks over TCP alone when told to', async () => {
    await using server = await FakeUpstream.start((query) => [answerTo(query)]);
    assert.equal((await exchange(server.endpoint, question, { ...patient, tcp: true })).transport, 'TCP');
    assert.deepEqual(
      server.queries.map(({ transport }) => transport),
      ['tcp'],
    );
  });

  for (const tcp of [false, true]) {
    it(`says at once that nobody listens there (${tcp ? 'TCP' : 'UDP'})`, async () => {
      const socket = createSocket('udp4').bind(0, '127.0.0.1');
      await once(socket, 'listening');
      const { port } = socket.address();
      socket.close();
      const failed = exchange({ address: '127.0.0.1', port }, question, { ...patient, tcp });
      await assert.rejects(
        failed,
        (error) => error instanceof CommandFailure && error.message.includes('No DNS server listens'),
      );
    });
  }
});
