/** Why a call has failed, in a form that can be passed between processes. */
export type CallFailure =
  | {
      readonly kind: 'refused';
      /** The name of a libxl_error, such as ERROR_FAIL. */
      readonly code: string;
      /** libxl's log during the call, one error per entry; may be empty. */
      readonly log: readonly string[];
    }
  | { readonly kind: 'library-missing'; readonly file: string; readonly message: string }
  /** libxl is installed, but of a version that this plugin cannot call. */
  | { readonly kind: 'unfit'; readonly message: string }
  /** The process of libxl ended while the call was in flight. */
  | { readonly kind: 'died'; readonly message: string }
  | { readonly kind: 'defect'; readonly message: string };

/** Carries a {@link CallFailure} out of an operation. */
export class Refusal extends Error {
  constructor(readonly failure: CallFailure) {
    super(failure.kind);
  }
}

/** The description of any thrown error for the other process. */
export function failureOf(error: unknown): CallFailure {
  if (error instanceof Refusal) return error.failure;
  return { kind: 'defect', message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}
