/** A sentence about each command, in the order of the help. */
export const commandSummaries = {
  start: 'Answer DNS, and boot unikernels when their names are asked for',
  check: 'Check the configuration and its plugins, and start nothing',
  status: 'Show what a running Jitsu serves, and what has happened',
  summon: 'Boot a unikernel, as a query for its name would',
  stop: 'Stop a unikernel',
  flush: 'Forget what is remembered of forwarded answers',
  resolve: 'Ask a DNS server, and show what it answers',
  plugins: 'List the installed plugins and what they offer',
} as const;

export type CommandName = keyof typeof commandSummaries;

export function isCommandName(word: string): word is CommandName {
  return Object.hasOwn(commandSummaries, word);
}
