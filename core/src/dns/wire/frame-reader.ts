/** Joins the chunks of a TCP stream into messages, each preceded by its length in two bytes (RFC 1035, 4.2.2). */
export class FrameReader {
  private readonly head = new Uint8Array(2);
  private headLength = 0;
  private body: Uint8Array | undefined;
  private bodyLength = 0;

  /** Whether an incomplete message has begun. */
  get isWithin(): boolean {
    return this.body !== undefined || this.headLength > 0;
  }

  /** The messages that this chunk completes, in order. */
  *push(chunk: Uint8Array): Generator<Uint8Array> {
    let position = 0;
    while (position < chunk.length) {
      if (this.body === undefined) {
        this.head[this.headLength++] = chunk[position++] as number;
        if (this.headLength < 2) continue;
        this.headLength = 0;
        this.body = new Uint8Array(((this.head[0] as number) << 8) | (this.head[1] as number));
        this.bodyLength = 0;
      } else {
        const part = chunk.subarray(position, position + this.body.length - this.bodyLength);
        this.body.set(part, this.bodyLength);
        this.bodyLength += part.length;
        position += part.length;
      }
      if (this.bodyLength < this.body.length) continue;
      const message = this.body;
      this.body = undefined;
      yield message;
    }
  }
}

/** A message preceded by its length in two bytes. */
export function frame(message: Uint8Array): Uint8Array {
  const framed = Buffer.allocUnsafe(message.length + 2);
  framed.writeUInt16BE(message.length, 0);
  framed.set(message, 2);
  return framed;
}
