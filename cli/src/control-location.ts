import type { Settings } from '@jitsud/core';
import type { Core } from './core.js';
import { errorCode } from './error-code.js';

/** Which Jitsu a command is about. */
export interface ControlChoice {
  /** Its control socket. */
  readonly control?: string;
  /** Its configuration file. */
  readonly config?: string;
}

export interface ControlLocation {
  readonly socket: string;
  /** What the configuration says, where it was looked at and is good. */
  readonly settings?: Settings;
}

/**
 * Finds the control socket of the Jitsu that a person means: the one named, else that of the configuration from which a
 * `jitsu start` in this folder would run, else the usual one.
 *
 * A Jitsu that runs is to be reached while its file is being edited, so a broken file counts as none, unless it was named.
 */
export async function locateControl(
  core: Pick<Core, 'loadSettings' | 'defaultControlSocket'>,
  directory: string,
  { control, config }: ControlChoice,
): Promise<ControlLocation> {
  if (control !== undefined) return { socket: control };
  try {
    const request = { directory, words: [], flags: {}, ...(config !== undefined && { file: config }) };
    const settings = await core.loadSettings(request);
    return { socket: settings.controlSocket, settings };
  } catch (error) {
    if (config !== undefined || !isAboutConfiguration(error)) throw error;
    return { socket: core.defaultControlSocket() };
  }
}

function isAboutConfiguration(error: unknown): boolean {
  return /^JITSU_(CONFIG|PLUGIN)_/.test(errorCode(error) ?? '');
}
