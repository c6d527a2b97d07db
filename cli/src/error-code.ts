/** The code of an error of any origin. The core has the same function, but is not loaded just to print an error. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
