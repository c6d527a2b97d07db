import { z } from 'zod';

/** Text that is not empty. `expected` is the message for everything else. */
export function requiredText(expected: string) {
  return z.string(expected).min(1, expected);
}

/** A UUID; parsed, it is in lower case. */
export function uuid() {
  return z.guid('A UUID such as 6695eb01-f6a4-8304-79aa-97f2502e193f expected.').toLowerCase();
}
