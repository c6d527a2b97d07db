import type { CallFailure } from './native/call-failure.js';

/** What libxl, or the process that has it, said when it refused a call: the `cause` of the JitsuErrors of this plugin. */
export class CallFailed extends Error {
  override readonly name = 'CallFailed';

  constructor(readonly failure: CallFailure) {
    super(inWords(failure));
  }

  /** Whether the process that has libxl ended meanwhile, so that nobody knows how far it came. */
  get hasDied(): boolean {
    return this.failure.kind === 'died';
  }
}

function inWords(failure: CallFailure): string {
  if (failure.kind !== 'refused') return failure.message;
  const said = failure.log.length === 0 ? 'libxl gave no reason' : `libxl says: ${failure.log.join('; ')}`;
  return `${said} (${failure.code})`;
}
