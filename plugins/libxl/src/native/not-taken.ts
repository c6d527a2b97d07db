/**
 * Those members of a JSON value that came back from libxl as something else, as paths: a libxl that does not know a
 * member leaves it out without a word. What has libxl's default value, it leaves out too.
 */
export function notTaken(given: unknown, taken: unknown, path = ''): string[] {
  if (typeof given !== 'object' || given === null) {
    return given === taken || (taken === undefined && (given === 0 || given === false)) ? [] : [path];
  }
  return Object.entries(given).flatMap(([key, value]) => {
    const isEmpty = typeof value === 'object' && value !== null && Object.keys(value as object).length === 0;
    if (isEmpty) return [];
    return notTaken(value, (taken as Record<string, unknown> | undefined)?.[key], path === '' ? key : `${path}.${key}`);
  });
}
