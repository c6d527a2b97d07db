/** Why a call came to nothing, in a form that passes between processes. */
export type CallFailure =
  | {
      readonly kind: 'refused';
      /** The name of a libxl_error, such as ERROR_FAIL. */
      readonly code: string;
      /** What libxl logged meanwhile, one error a line; maybe nothing. */
      readonly log: readonly string[];
    }
  | { readonly kind: 'library-missing'; readonly file: string; readonly message: string }
  /** libxl is there, and not one that we know how to call. */
  | { readonly kind: 'unfit'; readonly message: string }
  /** The process of libxl ended while the call was on its way. */
  | { readonly kind: 'died'; readonly message: string }
  | { readonly kind: 'defect'; readonly message: string };

/** Carries a {@link CallFailure} out of an operation. */
export class Refusal extends Error {
  constructor(readonly failure: CallFailure) {
    super(failure.kind);
  }
}

/** What to tell the other process of anything thrown. */
export function failureOf(error: unknown): CallFailure {
  if (error instanceof Refusal) return error.failure;
  return { kind: 'defect', message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}
