import type { CallFailure } from './native/call-failure.js';
import { errorName } from './error-name.js';

/** libvirt's error for a refused call: the `cause` of this plugin's JitsuErrors. */
export class CallFailed extends Error {
  override readonly name = 'CallFailed';

  constructor(readonly failure: CallFailure) {
    super(failure.message);
  }

  /** libvirt's own code, a virErrorNumber; undefined where the failure did not come from libvirt. */
  get number(): number | undefined {
    return this.failure.kind === 'refused' ? this.failure.code : undefined;
  }

  /** Whether the connection cannot be used any more. */
  get isFatal(): boolean {
    return this.failure.kind === 'closed' || (this.failure.kind === 'refused' && !this.failure.connectionIsAlive);
  }

  /** libvirt's message with the name of its code, for use in a message. */
  get words(): string {
    return this.failure.kind === 'refused'
      ? `"${this.failure.message}" (${errorName(this.failure.code)})`
      : `"${this.failure.message}"`;
  }
}
