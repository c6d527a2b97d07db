import { MalformedMessage } from './malformed-message.js';
import { HEADER_LENGTH, LONGEST_PAYLOAD, type Message } from './message.js';

/** Splits a stream of bytes into messages. Between two chunks it keeps less than one message, whatever comes. */
export class MessageReader {
  #rest: Buffer = Buffer.alloc(0);

  /**
   * The messages that this chunk completes.
   * @throws MalformedMessage for one that announces more than the protocol allows
   */
  *read(chunk: Buffer): Generator<Message, void> {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (bytes.length >= HEADER_LENGTH) {
      const length = bytes.readUInt32LE(12);
      if (length > LONGEST_PAYLOAD) {
        throw new MalformedMessage(`a message of ${length} bytes, where ${LONGEST_PAYLOAD} are the most`);
      }
      const end = HEADER_LENGTH + length;
      if (bytes.length < end) break;
      const [type, request, transaction] = [bytes.readUInt32LE(0), bytes.readUInt32LE(4), bytes.readUInt32LE(8)];
      yield { type, request, transaction, payload: bytes.subarray(HEADER_LENGTH, end) };
      bytes = bytes.subarray(end);
    }
    this.#rest = bytes;
  }
}
