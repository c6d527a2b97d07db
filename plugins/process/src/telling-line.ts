/** How programs say what has gone wrong, each at the beginning of a line but for the levels of Postgres. */
const ERRORS = [
  // JavaScript, Python, Java: `TypeError: …`, `Error [ERR_X]: …`, `java.io.IOException: …`
  /^(?:Uncaught |Unhandled |Exception in thread "[^"]*" )?[\w.$]*(?:Error|Exception)(?: \[[^\]]*\])?:/,
  // Go, Rust, and most others: `panic: …`, `fatal: …`, `PROGRAM: error: …`
  /^(?:[\w./-]+: )?(?:fatal error|fatal|panic|error):/i,
  /\b(?:FATAL|PANIC):/,
  /^thread '.*' panicked at/,
];

/**
 * The line that tells why a program has ended, of the last ones on stderr, none of them blank: the first that is an error,
 * since a stack or a version follows it; else the last one before a usage, which programs print behind what they reject;
 * else the last one.
 */
export function tellingLine(written: readonly string[]): string | undefined {
  const first = written.findIndex((line) => ERRORS.some((error) => error.test(line)));
  const error = written[first];
  if (error !== undefined) {
    const next = written[first + 1];
    return error.endsWith(':') && next !== undefined ? `${error} ${next.trim()}` : error;
  }
  const usage = written.findIndex((line) => /^usage\b/i.test(line));
  return usage > 0 ? written[usage - 1] : written.at(-1);
}
