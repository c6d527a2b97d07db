/** The command itself has failed; the message tells everything that a person needs. */
export class CommandFailure extends Error {
  override readonly name: string = 'CommandFailure';
}
