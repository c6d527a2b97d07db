/**
 * `KEY=VALUE`, one a line, as systemd.exec(5) has it: empty lines and those that begin with # or ; are passed over, and
 * quotes around a whole value are taken away.
 */
export function parseVariables(text: string): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const line of text.split(/\r?\n/)) {
    const { name, value = '' } = /^\s*(?![#;])(?<name>[^=\s]+)\s*=\s*(?<value>.*?)\s*$/.exec(line)?.groups ?? {};
    if (name !== undefined && !value.includes('\0')) variables[name] = /^(["'])(.*)\1$/.exec(value)?.[2] ?? value;
  }
  return variables;
}
