/** `response_delay` → `responseDelay`: a key as schemas have it. */
export function camelCase(key: string): string {
  return key.replace(/(?<=[a-z0-9])_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** `responseDelay` → `response_delay`: a key in `key=value` words. */
export function snakeCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** `logLevel` → `--log-level`: a key as a flag. */
export function flagOf(key: string): string {
  return `--${snakeCase(key).replaceAll('_', '-')}`;
}
