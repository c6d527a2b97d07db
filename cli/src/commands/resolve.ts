import type { Settings } from '@jitsud/core';
import { performance } from 'node:perf_hooks';
import { CommandFailure } from '../command-failure.js';
import type { ControlContext } from '../command-context.js';
import type { ResolveChoice } from '../command-line.js';
import { locateControl } from '../control-location.js';
import type { Control } from '../core.js';
import { errorCode } from '../error-code.js';
import { ExitStatus } from '../exit-status.js';
import { endpointText } from '../output/endpoint-text.js';
import { replyText, type TimedReply } from '../output/reply-text.js';
import { exchange } from '../resolve/exchange.js';
import { readQuestion } from '../resolve/question.js';
import { readReply } from '../resolve/reply.js';
import { reachable, readServerAddress, type ServerAddress } from '../resolve/server-address.js';

const DNS_PORT = 53;

/** The context of `jitsu resolve`: with `--server`, the core is never loaded. */
export interface ResolveContext extends Pick<ControlContext, 'terminal' | 'directory'> {
  readonly core: () => Promise<Control>;
}

/**
 * `jitsu resolve NAME [TYPE]`: queries a DNS server, by default the running Jitsu. The exit status is 0 for NOERROR
 * with answers.
 * @throws UsageError, and CommandFailure if no response comes
 */
export async function resolve(
  context: ResolveContext,
  name: string,
  type: string | undefined,
  choice: ResolveChoice,
): Promise<ExitStatus> {
  const question = readQuestion(name, type);
  const server = await serverOf(context, choice);
  const began = performance.now();
  const { bytes, transport } = await exchange(server, question, {
    tcp: choice.tcp ?? false,
    timeout: choice.timeout * 1_000,
  });
  const elapsed = performance.now() - began;
  const reply = readReply(bytes);
  if (reply === undefined) throw new CommandFailure(`${endpointText(server)} sent a damaged answer.`);

  const timed: TimedReply = { ...reply, server: endpointText(server), transport, elapsed };
  context.terminal.out(choice.json ? `${JSON.stringify(timed, undefined, 2)}\n` : replyText(timed));
  const isAnswered = reply.rcode === 'NOERROR' && reply.records.some(({ section }) => section === 'answer');
  return isAnswered ? ExitStatus.ok : ExitStatus.failed;
}

async function serverOf(context: ResolveContext, choice: ResolveChoice): Promise<ServerAddress> {
  if (choice.server !== undefined) return readServerAddress(choice.server, choice.port ?? DNS_PORT);
  const { address, port } = await defaultServer(await context.core(), context.directory, choice);
  return reachable({ address, port: choice.port ?? port });
}

/** The default server: the running Jitsu's, else the configuration's, else 127.0.0.1. */
async function defaultServer(core: Control, directory: string, choice: ResolveChoice): Promise<ServerAddress> {
  try {
    const { socket, running } = await locateControl(core, directory, choice);
    const [recorded] = running?.listening ?? [];
    if (recorded !== undefined) return recorded;
    const [listening] = (await core.controlClient(socket).status()).listening;
    if (listening !== undefined) return listening;
  } catch (error) {
    // Only the owner can use the control socket, but everyone can use the DNS server.
    const isUnreachable = ['JITSU_NOT_RUNNING', 'JITSU_CONTROL_FAILED'].includes(errorCode(error) ?? '');
    if (!isUnreachable || choice.control !== undefined) throw error;
  }
  const settings = await configuration(core, directory, choice.config);
  const [address = '127.0.0.1'] = settings?.dns.bind ?? [];
  // Port 0 means any free port, which only the running Jitsu knows.
  const port = settings?.dns.port ?? 0;
  return { address, port: port === 0 ? DNS_PORT : port };
}

/** The settings; `undefined` for a broken file unless it was named, since Jitsu may run while its file is edited. */
async function configuration(
  core: Control,
  directory: string,
  file: string | undefined,
): Promise<Settings | undefined> {
  try {
    return await core.loadSettings({ directory, words: [], flags: {}, ...(file !== undefined && { file }) });
  } catch (error) {
    if (file !== undefined || !/^JITSU_(CONFIG|PLUGIN)_/.test(errorCode(error) ?? '')) throw error;
    return undefined;
  }
}
