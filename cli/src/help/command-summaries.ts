/** A sentence about each command, in the order of the help. */
export const commandSummaries = {
  start: 'Answer DNS, and boot unikernels when their names are asked for',
  check: 'Check the configuration and its plugins, and start nothing',
  status: 'Show what a running Jitsu serves, and what has happened',
  summon: 'Boot a unikernel or a group, as a query would',
  stop: 'Stop a unikernel or a group',
  keep: 'Keep a unikernel from being stopped for a while',
  flush: 'Forget what is remembered of forwarded answers',
  resolve: 'Ask a DNS server, and show what it answers',
  plugins: 'List the installed plugins and what they offer',
} as const;

/** An example of each command. */
export const commandExamples: Readonly<Record<CommandName, string>> = {
  start: "jitsu start -x process 'dns=a.test,ip=127.0.0.9,name=a,command=./serve'",
  check: 'jitsu check --config /etc/jitsu/jitsu.config.yaml',
  status: 'jitsu status --history a --limit 10',
  summon: 'jitsu summon a',
  stop: 'jitsu stop a --mode suspend',
  keep: 'jitsu keep a --for 2h',
  flush: 'jitsu flush example.org',
  resolve: 'jitsu resolve a.test AAAA',
  plugins: 'jitsu plugins --json',
};

export type CommandName = keyof typeof commandSummaries;

export function isCommandName(word: string): word is CommandName {
  return Object.hasOwn(commandSummaries, word);
}
