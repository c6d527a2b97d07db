import { MalformedMessage } from './malformed-message.js';
import { decodeStrings } from './payload.js';

/** A part of a list of children that is too long for one message. */
export interface DirectoryPart {
  /** Changes with each change of the node. */
  readonly generation: string;
  readonly names: readonly string[];
  /** Whether this is the last part. */
  readonly isLast: boolean;
}

/** @throws MalformedMessage */
export function decodeNames(payload: Buffer): string[] {
  const names = decodeStrings(payload);
  const wrong = names.find((name) => name === '' || name.includes('/'));
  if (wrong !== undefined) throw new MalformedMessage(`${JSON.stringify(wrong.slice(0, 40))} for the name of a child`);
  return names;
}

/**
 * The generation, then names, and an empty one at the end of the list.
 * @throws MalformedMessage
 */
export function decodeDirectoryPart(payload: Buffer): DirectoryPart {
  const behindGeneration = payload.indexOf(0) + 1;
  const generation = payload.toString('latin1', 0, Math.max(0, behindGeneration - 1));
  if (!/^\d{1,20}$/.test(generation)) throw new MalformedMessage('a part of a directory without its generation');
  const list = payload.subarray(behindGeneration);
  const isLast = list.length === 1 ? list[0] === 0 : list.length > 1 && list.at(-1) === 0 && list.at(-2) === 0;
  const names = decodeNames(isLast ? list.subarray(0, -1) : list);
  if (names.length === 0 && !isLast) throw new MalformedMessage('a part of a directory with nothing in it');
  return { generation, names, isLast };
}
