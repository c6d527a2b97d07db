import { parseArgs, type ParseArgsConfig } from 'node:util';

/** Parses the arguments of a command of this repository. `--help`, or a mistake, prints the help and ends the process. */
export function commandArguments<T extends ParseArgsConfig & { options: object }>(
  help: string,
  config: T,
  words: readonly string[] = [],
): ReturnType<typeof parseArgs<T>> {
  if (process.argv.slice(2).some((argument) => argument === '--help' || argument === '-h')) {
    console.log(help);
    process.exit();
  }
  try {
    const parsed = parseArgs(config);
    const unknown = parsed.positionals.find((word) => !words.includes(word));
    if (unknown !== undefined) throw new Error(`'${unknown}' is none of ${words.join(', ')}.`);
    return parsed;
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${help}`);
    process.exit(2);
  }
}
