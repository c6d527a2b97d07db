/** What the gate does not carry out, with a code of Jitsu. */
export class Refusal extends Error {
  constructor(
    readonly code: 'JITSU_DOORMAN_FAILED' | 'JITSU_DOORMAN_DENIED',
    message: string,
  ) {
    super(message);
  }
}
