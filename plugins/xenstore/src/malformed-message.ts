/** The other side violates the protocol: nothing that follows can be parsed. */
export class MalformedMessage extends Error {
  override readonly name = 'MalformedMessage';
}
