/** Something in a text that must not be there, or the lack of what must. */
export class Mistake extends Error {
  override readonly name = 'Mistake';

  /**
   * @param message what is expected, and what there is
   * @param line from 1 on
   * @param column in characters, from 1 on
   */
  constructor(
    message: string,
    readonly line: number,
    readonly column: number,
  ) {
    super(message);
  }
}
