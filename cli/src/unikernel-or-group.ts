import { errorCode } from './error-code.js';

/**
 * Asks for a unikernel, and for the group of that name where there is no such unikernel.
 * @throws the errors of both; where there is neither, that of the unikernel, which says which names are near
 */
export async function unikernelOrGroup<One, All>(
  askForOne: () => Promise<One>,
  askForGroup: () => Promise<All>,
): Promise<{ readonly one: One } | { readonly all: All }> {
  try {
    return { one: await askForOne() };
  } catch (error) {
    if (errorCode(error) !== 'JITSU_UNIKERNEL_UNKNOWN') throw error;
    try {
      return { all: await askForGroup() };
    } catch (refusal) {
      throw NO_GROUP.has(errorCode(refusal) ?? '') ? error : refusal;
    }
  }
}

/** There is none, or it is a Jitsu of an earlier version, whose groups cannot be asked for. */
const NO_GROUP: ReadonlySet<string> = new Set(['JITSU_UNIKERNEL_UNKNOWN', 'JITSU_CONTROL_FAILED']);
