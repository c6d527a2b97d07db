/** Something unexpected in a text, or something missing. */
export class Mistake extends Error {
  override readonly name = 'Mistake';

  /**
   * @param message what is expected, and what was found
   * @param line counted from 1
   * @param column in characters, counted from 1
   */
  constructor(
    message: string,
    readonly line: number,
    readonly column: number,
  ) {
    super(message);
  }
}
