/** The file of Debian packages that a pattern matches, whatever its version; throws where there is none. */
export function theOne(files: readonly string[], pattern: RegExp): string {
  const file = files.find((path) => pattern.test(path));
  if (file === undefined) throw new Error(`no file of the Debian packages matches ${String(pattern)}`);
  return file;
}
