import { inspect } from 'node:util';
import { errorMessage, JitsuError } from '../errors.js';
import type { Settings, UnikernelSettings } from './settings.js';

/**
 * How much memory a unikernel may have, in bytes, as far as its configuration tells.
 * @throws JITSU_PLUGIN_INVALID where its backend says something else
 */
export function unikernelMemory(
  { connections }: Pick<Settings, 'connections'>,
  { backend, options }: Pick<UnikernelSettings, 'backend' | 'options'>,
): number | undefined {
  const contribution = connections.find(({ name }) => name === backend)?.contribution;
  if (contribution?.memory === undefined) return undefined;
  const refuse = (how: string): never => {
    const message = `The backend '${contribution.name}' cannot be used: its memory ${how}.`;
    throw new JitsuError('JITSU_PLUGIN_INVALID', message);
  };
  let bytes: unknown;
  try {
    bytes = contribution.memory(options);
  } catch (error) {
    return refuse(`failed: ${errorMessage(error)}`);
  }
  if (bytes === undefined || (Number.isSafeInteger(bytes) && (bytes as number) > 0)) return bytes as number | undefined;
  return refuse(`returned ${inspect(bytes)}, and a number of bytes or undefined was expected`);
}
