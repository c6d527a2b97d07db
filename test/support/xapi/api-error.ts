/** A refusal in the manner of XenAPI: a code and its parameters. */
export class ApiError extends Error {
  constructor(
    readonly code: string,
    readonly parameters: readonly string[] = [],
  ) {
    super(`${code}(${parameters.join(', ')})`);
  }
}
