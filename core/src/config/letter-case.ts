const camelCased = new Map<string, string>();

/** `response_delay` → `responseDelay`. Remembers what it has seen, since the same few keys come by very often. */
export function camelCase(key: string): string {
  let result = camelCased.get(key);
  if (result === undefined) {
    result = key.replace(/(?<=[a-z0-9])_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
    // Keys come from outside: a bound keeps a strange file from filling the memory.
    if (camelCased.size < 1_000) camelCased.set(key, result);
  }
  return result;
}

/** `responseDelay` → `response_delay`. */
export function snakeCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
