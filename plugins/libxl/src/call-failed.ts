import type { CallFailure } from './native/call-failure.js';

/** The error for a call that libxl, or the process that runs it, refused: the `cause` of this plugin's JitsuErrors. */
export class CallFailed extends Error {
  override readonly name = 'CallFailed';

  constructor(readonly failure: CallFailure) {
    super(inWords(failure));
  }

  /** Whether the process of libxl ended meanwhile, so that it is unknown how far the call came. */
  get hasDied(): boolean {
    return this.failure.kind === 'died';
  }
}

function inWords(failure: CallFailure): string {
  if (failure.kind !== 'refused') return failure.message;
  const said = failure.log.length === 0 ? 'libxl gave no reason' : `libxl says: ${failure.log.join('; ')}`;
  return `${said} (${failure.code})`;
}
