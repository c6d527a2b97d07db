import { errorMessage, JitsuError } from '@jitsud/core/plugin';
import { open } from 'node:fs/promises';
import { Mistake } from './mistake.js';
import { compactJson, parseRelaxedJson } from './relaxed-json.js';

/** In bytes; no guest accepts a longer one. */
const LONGEST = 64 * 1024;

/** A valid configuration for rumprun. */
export interface RumprunConfigText {
  /** The text of the file. */
  readonly text: string;
  /** The same on one line, as short as possible. */
  readonly compact: string;
}

/**
 * Reads the file that the rumprun tool wrote for a unikernel.
 * @throws JITSU_UNIKERNEL_INVALID, with file, line and column of a mistake
 */
export async function readConfigFile(file: string, unikernel: string): Promise<RumprunConfigText> {
  const refused = (what: string, cause?: unknown): JitsuError =>
    new JitsuError('JITSU_UNIKERNEL_INVALID', `rumprun_config of ${unikernel}: ${what}`, { cause });
  const bytes = await readBounded(file).catch((error: unknown) => {
    throw refused(`${file} cannot be read: ${errorMessage(error)}. The file that rumprun -T wrote expected.`, error);
  });
  if (bytes.length > LONGEST) throw refused(`${file} is longer than ${LONGEST} bytes, the most that rumprun takes.`);
  let text;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw refused(`${file} is not text in UTF-8.`, error);
  }
  try {
    return { text, compact: compactJson(parseRelaxedJson(text)) };
  } catch (error) {
    if (!(error instanceof Mistake)) throw error;
    throw refused(`${file}:${error.line}:${error.column}: ${error.message}.`, error);
  }
}

/** Reads at most one byte more than allowed, whatever the file is. */
async function readBounded(file: string): Promise<Buffer> {
  await using handle = await open(file);
  const buffer = Buffer.alloc(LONGEST + 1);
  let length = 0;
  for (;;) {
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length);
    length += bytesRead;
    if (bytesRead === 0 || length === buffer.length) return buffer.subarray(0, length);
  }
}
