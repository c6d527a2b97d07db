import type { Logger, Settings } from '@jitsud/core';
import type { RuntimeRecord } from '@jitsud/core/control';
import { resolve } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import type { CommandContext } from '../command-context.js';
import type { StartChoice } from '../command-line.js';
import type { Core } from '../core.js';
import { ExitStatus } from '../exit-status.js';
import { abridged, announcement, announcementLines, farewell } from '../output/announcement.js';
import { printable } from '../output/printable.js';
import type { ProcessEnd } from '../process-end.js';
import { startRequest } from '../start-request.js';

/** The context of `jitsu start`. */
export interface StartContext extends CommandContext {
  readonly end: ProcessEnd;
  /** How the command was called: `jitsu`, or `npx jitsu`. */
  readonly calledAs: string;
}

/**
 * `jitsu start`: serves until a signal ends it, then shuts down in order.
 * @throws the errors of reading the configuration and of starting
 */
export async function start(context: StartContext, words: readonly string[], choice: StartChoice): Promise<ExitStatus> {
  const { jitsu, logger, ended, onExit, record } = await open(context, words, choice);
  const signal = await ended;
  try {
    record?.[Symbol.dispose]();
  } finally {
    logger.info({ signal }, farewell(onExit, jitsu.running));
    await jitsu.stop();
    context.end.completed(signal, logger);
  }
  return ExitStatus.ok;
}

async function open(context: StartContext, words: readonly string[], choice: StartChoice) {
  const { core, terminal, end, calledAs } = context;
  const { jitsu, logger, exposures, brief } = await create(context, words, choice);
  const { settings } = brief;
  const ended = end.requested(logger);
  let record: Disposable | undefined;
  // Before root is given up: the folder of the records belongs to whoever starts Jitsu.
  await jitsu
    .start(() => (record = recordRunning(core, settings, jitsu.listening, logger)))
    .catch((error: unknown) => {
      record?.[Symbol.dispose]();
      throw error;
    });
  tidyOnce();

  const isDefaultSocket = settings.controlSocket === core.defaultControlSocket();
  const served = { ...brief, listening: jitsu.listening, udpTransport: jitsu.udpTransport, exposures };
  if (terminal.interactive) {
    const control =
      choice.control ?? (isDefaultSocket || choice.config === undefined ? undefined : settings.controlSocket);
    const calling = { calledAs, ...(control !== undefined && { control }) };
    terminal.out(announcement(served, calling, terminal.columns));
  } else {
    for (const line of announcementLines(served)) logger.info({}, line);
    for (const exposure of served.exposures) logger.warn({}, exposure);
  }

  // `ended` is in an object, since an async function would wait for a promise that it returns directly.
  return { jitsu, logger, ended, onExit: settings.onExit, record };
}

/** In milliseconds after the start of the process: V8 has certainly not tidied up before. */
const FIRST_TIDYING = 5_000;

/**
 * Has V8 collect garbage once, not twice, when the process has become quiet: each time wakes its threads some thirty
 * times. To be called when all is loaded: once a flag has changed, the code that Node keeps of its own modules is of no
 * use, and they are compiled anew.
 */
function tidyOnce(): void {
  // It first does so after 8 s. Where it has begun by then, V8 11 would end the process for a count that does not fit.
  if (performance.now() > FIRST_TIDYING) return;
  // V8 prints an error for a flag that it does not know. Node 20 has 11.
  const isOld = Number(process.versions.v8.split('.', 1)[0]) < 12;
  setFlagsFromString(isOld ? '--memory-reducer-single-gc' : '--memory-reducer-gc-count=1');
}

/** A failure is only logged: without a record, commands can still reach this Jitsu by its socket. */
function recordRunning(
  core: Pick<Core, 'recordRunning'>,
  { file, controlSocket }: Settings,
  listening: RuntimeRecord['listening'],
  logger: Logger,
): Disposable | undefined {
  try {
    const configFile = file === undefined ? {} : { configFile: file };
    return core.recordRunning({ socket: resolve(controlSocket), listening, ...configFile });
  } catch (error) {
    const advice = 'jitsu status, summon, stop and flush find it only with --control';
    logger.warn({ error }, `it cannot be recorded that this Jitsu runs: ${advice}`);
    return undefined;
  }
}

/** A function of its own, so that the settings of a million unikernels can be freed while they are registered. */
async function create({ core, directory }: StartContext, words: readonly string[], choice: StartChoice) {
  const settings = await core.loadSettings(startRequest('start', directory, words, choice));
  const logger = core.createLogger({ level: settings.logLevel, format: settings.logFormat });
  for (const sentence of settings.passedOver ?? []) logger.warn({}, printable(sentence));
  const jitsu = await core.createJitsu(settings, { logger, givesUpRoot: true });
  return { jitsu, logger, exposures: core.exposures(settings), brief: abridged(settings) };
}
