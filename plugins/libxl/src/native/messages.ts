import type { CallFailure } from './call-failure.js';
import type { Operations } from './operations.js';

/** A call that Jitsu's process asks of the process with libxl. */
export interface CallRequest {
  readonly id: number;
  readonly operation: keyof Operations;
  readonly parameters: readonly unknown[];
}

export type ProcessMessage =
  /** The first message: libxl can be used, or why not. */
  | { readonly kind: 'ready'; readonly version: string }
  | { readonly kind: 'unusable'; readonly failure: CallFailure }
  | { readonly kind: 'result'; readonly id: number; readonly result?: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly failure: CallFailure };
