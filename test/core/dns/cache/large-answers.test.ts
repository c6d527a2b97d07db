import assert from 'node:assert/strict';
import { cacheKey } from '#core/dns/cache/cache-key.js';
import { CachedAnswer } from '#core/dns/cache/cached-answer.js';
import { cacheability } from '#core/dns/cache/stored-message.js';
import { relayMessage } from '#core/dns/wire/message-relay.js';
import { ParsedAnswer, sectionsOf, type MessageSections } from '#core/dns/wire/message-sections.js';
import { CacheStage } from '../../../support/dns-cache-stage.js';
import { decodeReply } from '../../../support/dns-message.js';
import { aQuery, tcpClient, udpClient } from '../../../support/dns-query.js';
import { sourceMessage, type SourceRecord } from '../../../support/dns-source.js';

const settings = { longestTtl: 86_400_000, negativeTtl: 3_600_000 };
const query = aQuery('a.test', { edns: { payloadSize: 1_232 } });

/** A response to that query with these records in its answer section, as bytes. */
function response(records: readonly Uint8Array[]): Buffer {
  const message = Buffer.concat([sourceMessage(query), ...records]);
  message.writeUInt16BE(records.length, 6);
  assert.ok(message.length <= 65_535);
  return message;
}

/** A record of this type, an hour long, without data unless given. */
function record(owner: readonly number[], type: number, data: readonly number[] = []): Uint8Array {
  return Uint8Array.from([...owner, 0, type, 0, 1, 0, 0, 14, 16, data.length >> 8, data.length & 255, ...data]);
}

const pointer = (target: number): number[] => [0xc0 | (target >> 8), target & 255];
const addresses = (count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, index) => record(pointer(12), 1, [192, 0, index >> 8, index & 255]));

/** The processor time of a call in milliseconds: the median of nine. */
function timeOf(call: () => unknown): number {
  const times = Array.from({ length: 9 }, () => {
    const start = process.cpuUsage();
    call();
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1_000;
  });
  return times.sort((one, other) => one - other)[4] as number;
}

describe('a large answer', () => {
  const stored = (message: Uint8Array): CachedAnswer => {
    const key = cacheKey(query);
    const response = cacheability(key, message, sectionsOf(message), settings);
    assert.ok(response.verdict === 'store', response.verdict);
    return new CachedAnswer(key, response.stored, 0, { stale: 0, prefetch: false });
  };

  it('costs a client over UDP no more than a small one, whatever is cached', () => {
    const [large, small] = [stored(response(addresses(4_000))), stored(response(addresses(40)))];
    const thousand = (entry: CachedAnswer) => (): void => {
      for (let round = 0; round < 1_000; round++) relayMessage(query, entry.answerAt(1_000, true), true);
    };
    for (const entry of [large, small]) thousand(entry)();
    const [ofLarge, ofSmall] = [timeOf(thousand(large)), timeOf(thousand(small))];
    assert.ok(ofLarge < 3 * ofSmall + 5, `${ofLarge} ms for a thousand queries, and ${ofSmall} ms of the small one`);
  });

  it('gives the same bytes over UDP as if the whole were cut', () => {
    const sets: SourceRecord[] = Array.from({ length: 300 }, (_, index) => ({
      ...{ name: index % 3 === 0 ? 'a.test' : `a${index % 40 === 1 ? 1 : index}.test`, type: 'A', ttl: 60 },
      data: `192.0.2.${index % 256}`,
    }));
    const parts = { answers: sets.slice(1, 12), authorities: sets.slice(12, 20), additionals: sets.slice(20) };
    const chains = [
      { answers: sets },
      { answers: [{ name: 'a.test', type: 'A', ttl: 60, data: '192.0.2.1' }, ...parts.answers], additionals: sets },
      { ...parts, answers: [{ name: 'a.test', type: 'A', ttl: 60, data: '192.0.2.1' }] },
    ];
    let kept = 0;
    for (const chain of chains) {
      const message = sourceMessage(query, chain);
      const entry = stored(message);
      for (let limit = 12; limit <= 1_232; limit += 20) {
        const cut = relayMessage(query, entry.answerAt(0, true), true, { sizeLimit: limit });
        const whole = relayMessage(query, { message }, true, { sizeLimit: limit });
        assert.deepEqual(cut, whole, `${limit} bytes`);
        kept = Math.max(kept, decodeReply(cut).answers?.length ?? 0);
      }
    }
    assert.ok(kept > 5, 'something was kept');
  });

  it('comes whole over TCP, also after it was cut for others, with its TTLs counted down', async () => {
    const stage = new CacheStage();
    stage.source.behaviour = () => ({ message: response(addresses(4_000)) });
    for (const [seconds, client, count] of [
      [0, udpClient, 0],
      [10, udpClient, 0],
      [10, tcpClient, 4_000],
    ] as const) {
      await stage.clock.advance(seconds * 1_000);
      const asked = aQuery('a.test', { edns: {} }, client);
      const answer = await stage.cache.resolve(asked, new AbortController().signal);
      assert.ok(answer !== undefined && 'message' in answer);
      const reply = decodeReply(relayMessage(asked, answer, true));
      assert.deepEqual([reply.answers?.length, reply.flag_tc], [count, count === 0]);
      for (const { ttl } of (reply.answers ?? []) as { ttl: number }[]) assert.equal(ttl, 3_580);
    }
    assert.equal(stage.asked, 1);
  });

  it('is cut once for all clients that wait for it', () => {
    const message = response(addresses(4_000));
    const answer = new ParsedAnswer(message, sectionsOf(message) as MessageSections);
    assert.equal(answer.cuts, answer.cuts);
    relayMessage(query, answer, true);
    const time = timeOf(() => {
      for (let client = 0; client < 1_000; client++) relayMessage(query, answer, true);
    });
    assert.ok(time < 50, `${time} ms for a thousand clients`);
  });
});

describe('a message of an upstream that is made to cost much', () => {
  const questionEnd = sourceMessage(query).length;
  /** Each owner points to the one before it. */
  const chained = (): Buffer => {
    let [target, at] = [12, questionEnd];
    return response(
      Array.from({ length: 5_400 }, () => {
        const bytes = record(pointer(target), 16);
        if (at < 0x3fff) target = at;
        at += bytes.length;
        return bytes;
      }),
    );
  };
  /** 8,000 pointers, each to the one before it, in the data of a record; then owners that point to the last ones. */
  const chainedInData = (): Buffer => {
    const dataAt = questionEnd + 12;
    const data = Array.from({ length: 8_000 }, (_, index) =>
      pointer(index === 0 ? 12 : dataAt + 2 * (index - 1)),
    ).flat();
    const owners = Array.from({ length: 4_000 }, (_, index) => record(pointer(dataAt + 2 * (7_999 - (index % 8))), 16));
    return response([record(pointer(12), 16, data), ...owners]);
  };
  /** Owners of 255 bytes, all different. */
  const longOwners = (): Buffer => {
    const name = [...Array.from({ length: 122 }, () => [1, 97]).flat(), 0];
    const owners = Array.from({ length: 4_000 }, (_, index) =>
      record([3, 128 | (index >> 8), index & 255, 1, ...pointer(questionEnd + 12)], 16),
    );
    return response([record(pointer(12), 16, name), ...owners]);
  };

  for (const [what, message] of Object.entries({ chained, chainedInData, longOwners })) {
    it(`costs some milliseconds at most: ${what}`, () => {
      const bytes = message();
      const key = cacheKey(query);
      const read = (): unknown => cacheability(key, bytes, sectionsOf(bytes), settings);
      const relay = (): unknown => relayMessage(query, { message: bytes }, true);
      for (let round = 0; round < 5; round++) {
        read();
        relay();
      }
      const times = [timeOf(read), timeOf(relay)];
      assert.ok(
        times.every((time) => time < 10),
        `${times.join(' and ')} ms`,
      );
    });
  }
});
