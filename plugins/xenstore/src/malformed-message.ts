/** The other side does not keep to the protocol: nothing that it has sent from there on can be made sense of. */
export class MalformedMessage extends Error {
  override readonly name = 'MalformedMessage';
}
