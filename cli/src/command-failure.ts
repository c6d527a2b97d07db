/** A command came to nothing for a reason that the command itself found; the message is all that a person needs. */
export class CommandFailure extends Error {
  override readonly name: string = 'CommandFailure';
}
