import type { OptionDescription } from '@jitsud/core';
import type { BackendOptionList, FurtherPlugin, UnikernelOptions } from '../core.js';
import { pluginOptions, startOptions } from '../start-options.js';
import { commandSummaries } from './command-summaries.js';
import type { ManualEntry, ManualPage, ManualSection } from './manual-page.js';

/** The manual page of `jitsu`, including the keys of every installed backend. */
export function manual(
  version: string,
  { startFlags, common, backends, commands, further = [] }: UnikernelOptions,
): ManualPage {
  return {
    name: 'jitsu',
    summary: 'a forwarding DNS server that boots unikernels when their names are asked for',
    version,
    sections: [
      {
        heading: 'SYNOPSIS',
        example: ['jitsu [start] [OPTION]... [KEY=VALUE,KEY=VALUE...]...', 'jitsu COMMAND [OPTION]... [ARGUMENT]...'],
      },
      {
        heading: 'DESCRIPTION',
        paragraphs: [
          'Jitsu answers DNS. When the name of a unikernel is asked for, it boots the unikernel (a virtual machine, or a process), waits until its service answers, and only then sends the answer. When nobody has asked for any of its names for twice the TTL, and no connection to it is known to be open, the unikernel is stopped again. Every other question is forwarded.',
          'What is served stands in a configuration file (jitsu.config.ts, .js, .json, .yaml and others, or the key "jitsu" of package.json), in words on the command line, or in both. Each word describes one unikernel by its keys; a comma within a value is written "\\,".',
        ],
      },
      { heading: 'COMMANDS', entries: commandEntries(commands) },
      {
        heading: 'OPTIONS OF START AND CHECK',
        entries: [...startOptions, ...pluginOptions(startFlags)].map(optionEntry),
      },
      {
        heading: 'OPTIONS OF EVERY COMMAND',
        entries: [
          {
            term: '--help[=FORMAT]',
            text: 'Show this page: pager (the default), plain, or groff. After a command: its own help.',
          },
          { term: '--version, -v', text: 'Show the version.' },
          {
            term: '--debug',
            text: 'Show the stack of an error. The environment variable JITSU_DEBUG=1 does the same.',
          },
        ],
      },
      { heading: 'COMMON CONFIGURATION', entries: common.map(keyEntry) },
      ...backends.map(backendSection),
      ...(further.length === 0 ? [] : [furtherPlugins(further)]),
      {
        heading: 'EXAMPLES',
        example: [
          "jitsu -x process 'dns=a.test,ip=127.0.0.9,name=a,command=./serve'",
          'jitsu -c xen:/// dns=www.example.org,ip=192.0.2.7,name=www',
          'jitsu start --config /etc/jitsu/jitsu.config.yaml',
          'jitsu resolve a.test',
        ],
      },
      {
        heading: 'EXIT STATUS',
        entries: [
          { term: '0', text: 'It worked. For resolve: NOERROR, with answers.' },
          { term: '1', text: 'It failed.' },
          {
            term: '2',
            text: 'The command line or the configuration cannot work as it is written. Nothing was started.',
          },
          { term: '130, 143', text: 'A second SIGINT or SIGTERM ended jitsu start at once.' },
        ],
      },
      {
        heading: 'SIGNALS',
        paragraphs: [
          'SIGINT and SIGTERM end jitsu start in order; unikernels keep running unless stop.onExit says otherwise.',
        ],
      },
    ],
  };
}

function commandEntries(further: UnikernelOptions['commands']): readonly ManualEntry[] {
  const own = Object.entries(commandSummaries).map(([name, description]) => ({ name, description }));
  return [...own, ...further].map(({ name, description }) => ({ term: name, text: `${description}.` }));
}

function optionEntry({ flags, default: standard, description }: (typeof startOptions)[number]): ManualEntry {
  return { term: standard === undefined ? flags : `${flags} (absent: ${standard})`, text: description };
}

function keyEntry({ word, required, default: standard, description }: OptionDescription): ManualEntry {
  // Where a backend needs a name, the first DNS name is one.
  const remark = required && word !== 'name' ? ' (required)' : standard === undefined ? '' : ` (absent: ${standard})`;
  return { term: `${word}${remark}`, text: description.endsWith('.') ? description : `${description}.` };
}

function backendSection({ name, description, options }: BackendOptionList): ManualSection {
  const text = description.endsWith('.') ? description : `${description}.`;
  return { heading: `${name.toUpperCase()} CONFIGURATION`, paragraphs: [text], entries: options.map(keyEntry) };
}

function furtherPlugins(plugins: readonly FurtherPlugin[]): ManualSection {
  return {
    heading: 'FURTHER PLUGINS',
    paragraphs: ['This is what their package.json says. Their own pages describe it; jitsu plugins lists all of it.'],
    entries: plugins.map(({ name, brings }) => ({ term: name, text: brings })),
  };
}
