import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import type { Resolver } from '#core/contracts/resolver.js';
import { DnsServer } from '#core/dns/server.js';
import { frame, FrameReader } from '#core/dns/wire/frame-reader.js';
import type { Endpoint } from '#core/net/endpoint.js';
import { dnsCorpus } from '../../support/dns-corpus.js';
import { serverContext } from '../../support/dns-admission.js';
import { DnsLog } from '../../support/dns-log.js';
import { queryBytes } from '../../support/dns-message.js';
import { tcpClient } from '../../support/dns-query.js';
import { dnsSettings } from '../../support/dns-settings.js';
import { numbersFrom } from '../../support/numbers-from.js';
import { ByteMutator } from '../byte-mutator.js';
import type { CpuMeter } from '../cpu-meter.js';
import type { FuzzStage, FuzzTarget } from '../fuzz-target.js';
import { LeapingClock } from '../leaping-clock.js';

const MOST_CHUNKS = 40;
/** The longest reply that this resolver gives is far shorter. */
const LONGEST = 30_000;

const pipelined = (...names: readonly string[]): Uint8Array =>
  Buffer.concat(names.map((name, id) => frame(queryBytes(name, { id, edns: {} }))));

/** A byte that says how the stream is cut, and the stream: messages with their lengths, as many as there are. */
export const tcpStreams: FuzzTarget = {
  name: 'tcp-streams',
  about: 'streams of clients over TCP: their frames, how they are cut, queries one after the other',
  covers: ['/core/dist/dns/transport/', '/core/dist/dns/wire/', '/core/dist/dns/query-handler'],
  mostCpu: 1_000,
  seeds: () =>
    [
      pipelined('a.test', 'slow.test', 'b.test', 'c.test'),
      pipelined(...Array.from({ length: 150 }, (_, index) => `n${index % 7 === 0 ? 'slow' : index}.test`)),
      frame(new Uint8Array()),
      ...dnsCorpus.map(frame),
      Uint8Array.of(255, 255, 1),
    ].map((stream, index) => Buffer.concat([Uint8Array.of(index), stream])),
  mutator: (corpus, numbers) => {
    const words = [queryBytes('a.test'), queryBytes('slow.test', { edns: {} })].map(frame);
    return new ByteMutator(corpus, numbers, words, LONGEST).mutate;
  },
  open: async () => {
    const stage = new StreamStage();
    await stage.listen();
    return stage;
  },
};

/** Answers at once, or a turn later. */
const resolver: Resolver = {
  resolve: async ({ name }) => {
    if (name.startsWith('slow')) await turn();
    return { rcode: 0, answers: [{ name, type: 'A', ttl: 1, address: '192.0.2.1' }] };
  },
};

class StreamStage implements FuzzStage {
  private readonly log = new DnsLog();
  private readonly server = new DnsServer(
    dnsSettings({ limits: { ...dnsSettings().limits, tcpConnections: 1_000 } }),
    [resolver],
    serverContext({ clock: new LeapingClock(), logger: this.log }),
  );
  private endpoint: Endpoint | undefined;

  async listen(): Promise<void> {
    await this.server.listen();
    this.endpoint = this.server.listening[0];
  }

  async run(input: Uint8Array, meter: CpuMeter): Promise<void> {
    const stream = input.subarray(1);
    const messages = wholeMessages(stream);
    const expected: (Uint8Array | undefined)[] = [];
    // What the streams before have left to do is not to count for these messages.
    for (let turns = 0; turns < 3; turns++) await turn();
    for (const message of messages) expected.push(await meter.packet(() => this.server.handle(message, tcpClient)));
    const replies = await this.send(stream, numbersFrom(input[0] ?? 0));
    assert.deepEqual(
      sorted(replies),
      sorted(expected.flatMap((reply) => reply ?? [])),
      'other replies than to the messages one by one',
    );
    assert.deepEqual(this.log.at('error'), []);
    this.log.entries.length = 0;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.server.close(0);
  }

  /** Writes the stream in pieces, says that no more will come, and reads until the server closes. */
  private async send(stream: Uint8Array, numbers: (below: number) => number): Promise<Uint8Array[]> {
    const { address: host, port } = this.endpoint as Endpoint;
    const socket = connect({ host, port, noDelay: true });
    const frames = new FrameReader();
    const replies: Uint8Array[] = [];
    socket.on('data', (chunk) => replies.push(...[...frames.push(chunk)].map((reply) => Uint8Array.from(reply))));
    const closed = once(socket, 'close');
    await once(socket, 'connect');
    let at = 0;
    for (let chunk = 0; chunk < MOST_CHUNKS && at < stream.length; chunk++) {
      const end = chunk === MOST_CHUNKS - 1 ? stream.length : at + 1 + numbers(1 + numbers(600));
      socket.write(stream.subarray(at, end));
      if (numbers(3) === 0) await turn();
      at = end;
    }
    socket.end(stream.subarray(at));
    await closed;
    return replies;
  }
}

/** The messages of a stream that are there to their last byte, read in the plainest way. */
function wholeMessages(stream: Uint8Array): Uint8Array[] {
  const messages: Uint8Array[] = [];
  for (let at = 0; at + 2 <= stream.length;) {
    const end = at + 2 + (((stream[at] as number) << 8) | (stream[at + 1] as number));
    if (end > stream.length) break;
    messages.push(Uint8Array.from(stream.subarray(at + 2, end)));
    at = end;
  }
  return messages;
}

function sorted(replies: readonly Uint8Array[]): string[] {
  return replies.map((reply) => Buffer.from(reply).toString('hex')).sort();
}
