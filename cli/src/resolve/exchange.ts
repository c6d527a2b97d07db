import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { CommandFailure } from '../command-failure.js';
import { errorCode } from '../error-code.js';
import { endpointText } from '../output/endpoint-text.js';
import { encodeQuestion, type Question } from './question.js';
import { answers, isTruncated } from './reply.js';
import type { ServerAddress } from './server-address.js';

export interface ExchangeOptions {
  /** Whether to use TCP from the start. */
  readonly tcp: boolean;
  /** The timeout of each attempt in milliseconds. */
  readonly timeout: number;
}

export interface Exchange {
  readonly bytes: Uint8Array;
  readonly transport: 'UDP' | 'TCP';
}

const UDP_ATTEMPTS = 2;

/**
 * Sends a query and waits for its response. Over UDP the query is repeated once after a timeout, and repeated over TCP
 * if the response is truncated.
 * @throws CommandFailure if no response comes
 */
export async function exchange(server: ServerAddress, question: Question, options: ExchangeOptions): Promise<Exchange> {
  try {
    if (!options.tcp) {
      const bytes = await overUdp(server, question, options.timeout);
      if (bytes === undefined) throw silence(server, options.timeout * UDP_ATTEMPTS);
      if (!isTruncated(bytes)) return { bytes, transport: 'UDP' };
    }
    const bytes = await overTcp(server, question, options.timeout);
    if (bytes === undefined) throw silence(server, options.timeout);
    return { bytes, transport: 'TCP' };
  } catch (error) {
    throw error instanceof CommandFailure ? error : unreachable(server, error);
  }
}

async function overUdp(server: ServerAddress, question: Question, timeout: number): Promise<Uint8Array | undefined> {
  for (let attempt = 0; attempt < UDP_ATTEMPTS; attempt += 1) {
    const bytes = await attemptOverUdp(server, question, timeout);
    if (bytes !== undefined) return bytes;
  }
  return undefined;
}

function attemptOverUdp(server: ServerAddress, question: Question, timeout: number): Promise<Uint8Array | undefined> {
  const { id, bytes } = encodeQuestion(question);
  const socket = createSocket(isIPv6(server.address) ? 'udp6' : 'udp4');
  return new Promise<Uint8Array | undefined>((resolve, reject) => {
    const timer = setTimeout(resolve, timeout, undefined);
    socket.once('close', () => {
      clearTimeout(timer);
    });
    socket.on('error', reject);
    socket.on('message', (message) => {
      // A response to another question may be forged, and is ignored.
      if (answers(message, id, question)) resolve(message);
    });
    // A connected socket receives packets from that server only, and reports a closed port (ICMP).
    socket.connect(server.port, server.address, () => {
      socket.send(bytes);
    });
  }).finally(() => socket.close());
}

function overTcp(server: ServerAddress, question: Question, timeout: number): Promise<Uint8Array | undefined> {
  const { id, bytes } = encodeQuestion(question);
  const socket = connect(server.port, server.address);
  return new Promise<Uint8Array | undefined>((resolve, reject) => {
    let received: Buffer = Buffer.alloc(0);
    const timer = setTimeout(resolve, timeout, undefined);
    socket.once('close', () => {
      clearTimeout(timer);
      reject(new CommandFailure(`${endpointText(server)} closed the connection without an answer.`));
    });
    socket.on('error', reject);
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      const message = firstMessage(received);
      if (message === undefined) return;
      if (answers(message, id, question)) resolve(message);
      else reject(new CommandFailure(`${endpointText(server)} answered something else than what was asked.`));
    });
    const length = Buffer.alloc(2);
    length.writeUInt16BE(bytes.length);
    socket.write(Buffer.concat([length, bytes]));
  }).finally(() => socket.destroy());
}

/** RFC 1035, 4.2.2: each message is preceded by its length in two bytes. */
function firstMessage(received: Buffer): Buffer | undefined {
  const length = received.length < 2 ? Infinity : received.readUInt16BE(0);
  return received.length < 2 + length ? undefined : received.subarray(2, 2 + length);
}

function silence(server: ServerAddress, waited: number): CommandFailure {
  return new CommandFailure(
    `${endpointText(server)} gave no answer within ${waited / 1_000} s. Is it a DNS server? A unikernel that takes ` +
      'longer to boot wants a longer --timeout.',
  );
}

function unreachable(server: ServerAddress, cause: unknown): CommandFailure {
  const message =
    errorCode(cause) === 'ECONNREFUSED'
      ? `No DNS server listens on ${endpointText(server)}. Start one with "jitsu start", or name another with --server.`
      : `${endpointText(server)} cannot be asked: ${cause instanceof Error ? cause.message : String(cause)}.`;
  return new CommandFailure(message, { cause });
}
