import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ENVELOPE_WORDS, type DatagramBatch } from '#core/net/datagram-batch.js';
import {
  RingPump,
  RingReader,
  CONTROL_WORDS,
  createQueryRing,
  entryWords,
  RING_WORDS,
  RingWord,
  RingWriter,
} from '#core/dns/transport/mmsg/query-ring.js';

/** Datagrams of which each byte, and each word of the envelope, tells which it is. */
class Datagrams {
  readonly payloads: Uint8Array[] = [];

  add(length: number): number {
    return this.payloads.push(new Uint8Array(length).fill(this.payloads.length + 1)) - 1;
  }

  lengthOf(index: number): number {
    return (this.payloads[index] as Uint8Array).length;
  }

  copyEnvelope(index: number, into: Uint32Array, start: number): void {
    into.fill(index, start, start + ENVELOPE_WORDS);
  }
}

const asBatch = (datagrams: Datagrams): DatagramBatch => datagrams as unknown as DatagramBatch;

describe('a ring of datagrams', () => {
  it('gives what was put in, whole and in its order, however often it goes round', () => {
    const lengths = fc.array(fc.oneof(fc.integer({ min: 0, max: 512 }), fc.integer({ min: 0, max: 65_535 })), {
      minLength: 1,
      maxLength: 40,
    });
    const from = fc.oneof(fc.nat(RING_WORDS), fc.constantFrom(2 ** 31 - 1_000, -1_000, 2 ** 31 - 1));
    fc.assert(
      fc.property(lengths, from, fc.infiniteStream(fc.boolean()), (list, start, takes) => {
        const ring = createQueryRing();
        new Int32Array(ring, 0, CONTROL_WORDS)[RingWord.Put] = start;
        new Int32Array(ring, 0, CONTROL_WORDS)[RingWord.Taken] = start;
        const [writer, reader, datagrams] = [new RingWriter(ring), new RingReader(ring), new Datagrams()];
        const expected: number[] = [];
        const takeOne = (): void => {
          const index = expected.shift();
          const miss = reader.take();
          if (index === undefined) return assert.equal(miss, undefined);
          assert.deepEqual(new Uint8Array(miss?.message ?? []), datagrams.payloads[index]);
          assert.deepEqual(miss?.envelope, new Uint32Array(ENVELOPE_WORDS).fill(index));
        };
        for (const length of list) {
          const index = datagrams.add(length);
          if (writer.add(asBatch(datagrams), index)) expected.push(index);
          else assert.ok(expected.length > 0, 'an empty ring has room');
          writer.publish();
          if (takes.next().value === true) takeOne();
        }
        while (expected.length > 0) takeOne();
        takeOne();
      }),
      { numRuns: 200 },
    );
  });

  it('takes no more than it has room for, and has room again when that has been taken', () => {
    const ring = createQueryRing();
    const [writer, reader, datagrams] = [new RingWriter(ring), new RingReader(ring), new Datagrams()];
    const index = datagrams.add(1_000);
    const size = entryWords(1_000);
    let count = 0;
    while (writer.add(asBatch(datagrams), index)) count += 1;
    assert.equal(count, Math.floor(RING_WORDS / size));
    assert.equal(reader.take(), undefined, 'what has not been published is not seen');
    writer.publish();
    assert.ok(!writer.add(asBatch(datagrams), index));
    assert.ok(reader.take());
    assert.ok(writer.add(asBatch(datagrams), index));
  });

  it('has the reader told of what comes while it sleeps, once', () => {
    const ring = createQueryRing();
    const [writer, reader, datagrams] = [new RingWriter(ring), new RingReader(ring), new Datagrams()];
    const put = (): boolean => writer.add(asBatch(datagrams), datagrams.add(20)) && writer.publish();
    assert.ok(put());
    assert.ok(!put());
    assert.ok(!reader.sleep(), 'there is something yet');
    assert.ok(!put(), 'it did not fall asleep');
    for (let n = 0; n < 3; n++) assert.ok(reader.take());
    assert.ok(reader.sleep());
    assert.ok(put());
  });
});

describe('what takes datagrams off a ring', () => {
  const stage = () => {
    const ring = createQueryRing();
    const [writer, reader, datagrams] = [new RingWriter(ring), new RingReader(ring), new Datagrams()];
    const index = datagrams.add(20);
    let looks = 0;
    const counting = { take: () => ((looks += 1), reader.take()), sleep: () => reader.sleep() } as RingReader;
    const taken: number[] = [];
    const pump = new RingPump(counting, ({ message }) => taken.push(message.length));
    /** Whether the main thread has to be told. */
    const put = (count: number): boolean => {
      for (let time = 0; time < count; time++) assert.ok(writer.add(asBatch(datagrams), index));
      return writer.publish();
    };
    const looksSince = (): number => {
      const count = looks;
      looks = 0;
      return count;
    };
    return { taken, pump, put, looksSince };
  };
  const turn = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  it('lets others have their turn after 64 of them', async () => {
    const { taken, pump, put } = stage();
    put(150);
    pump.wake();
    assert.equal(taken.length, 64);
    await turn();
    assert.equal(taken.length, 128);
    await turn();
    assert.equal(taken.length, 150);
  });

  it('looks again for one turn after the last, and then only when it is told', async () => {
    const { taken, pump, put, looksSince } = stage();
    assert.equal(put(1), true);
    pump.wake();
    assert.deepEqual([taken.length, looksSince()], [1, 2]);
    assert.equal(put(1), false, 'it looks by itself');
    await turn();
    assert.deepEqual([taken.length, looksSince()], [2, 2]);
    await turn();
    assert.equal(looksSince(), 1);
    assert.equal(put(1), false, 'it looks once more');
    await turn();
    assert.deepEqual([taken.length, looksSince()], [3, 2]);
    await turn();
    await turn();
    assert.equal(looksSince(), 2);
    for (let time = 0; time < 3; time++) await turn();
    assert.equal(looksSince(), 0);
    assert.equal(put(1), true, 'it has to be told');
    pump.wake();
    assert.equal(taken.length, 4);
  });

  it('does nothing more where it is told while it looks', async () => {
    const { pump, put, looksSince } = stage();
    put(1);
    pump.wake();
    pump.wake();
    assert.equal(looksSince(), 2);
    await turn();
    assert.equal(looksSince(), 1);
  });

  it('looks once and sleeps where it is told for nothing', async () => {
    const { pump, put, looksSince } = stage();
    pump.wake();
    assert.equal(looksSince(), 1);
    await turn();
    assert.equal(looksSince(), 0);
    assert.equal(put(1), true);
  });
});
