/** XAPI's refusal of a call: a code, and parameters whose meaning depends on it. */
export interface ApiFailure {
  readonly code: string;
  readonly params: readonly string[];
}

/** Undefined for any other error, such as one of the connection: the pool has not answered. */
export function apiFailure(error: unknown): ApiFailure | undefined {
  if (!(error instanceof Error) || !('code' in error) || !('params' in error)) return undefined;
  const { code, params } = error;
  return typeof code === 'string' && Array.isArray(params) ? { code, params: params.map(String) } : undefined;
}

/** As text: `VM_BAD_POWER_STATE(OpaqueRef:1, halted, running)`. */
export function inWords({ code, params }: ApiFailure): string {
  return `${code}(${params.join(', ')})`;
}
