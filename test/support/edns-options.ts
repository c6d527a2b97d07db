/** An EDNS option (RFC 6891, 6.1.2); `length`, where given, lies about its data. */
export interface EdnsOption {
  readonly code: number;
  readonly data?: Uint8Array;
  readonly length?: number;
}

/** Where the length of an OPT record's data stands, counted from its owner name, the root. */
const DATA_LENGTH_AT = 9;
const DATA_AT = 11;

/** The message with options added to the OPT record at its end, whose length tells the truth but for `lie`. */
export function withOptions(message: Uint8Array, options: readonly EdnsOption[], lie = 0): Uint8Array {
  const start = Buffer.from(message).lastIndexOf(Uint8Array.of(0, 0, 41));
  if (start < 0 || start + DATA_AT > message.length) return message;
  const longer = Buffer.concat([message, ...options.map(optionBytes)]);
  longer.writeUInt16BE((longer.length - start - DATA_AT + lie) & 0xffff, start + DATA_LENGTH_AT);
  return longer;
}

function optionBytes({ code, data = new Uint8Array(), length = data.length }: EdnsOption): Uint8Array {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(code, 0);
  head.writeUInt16BE(length, 2);
  return Buffer.concat([head, data]);
}
