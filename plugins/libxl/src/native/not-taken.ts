/**
 * The paths of members of a JSON value that libxl returned differently: a libxl that does not know a member drops it
 * silently. Members with libxl's default value are omitted, too, and do not count.
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
