import { JitsuChild } from '../jitsu-child.js';
import type { Contestant } from './contestant.js';
import { echoLabel, type EchoTransport } from './echo.js';

/** A Jitsu that takes part with this transport. */
export async function startJitsu(
  transport: EchoTransport,
  probeName: string,
  { unikernels = [], dns = {} }: { readonly unikernels?: readonly object[]; readonly dns?: object },
): Promise<Contestant> {
  const jitsu = await JitsuChild.start(unikernels, probeName, { dns: { ...dns, transport } });
  const { pid, port } = jitsu;
  return {
    ...{ label: `Jitsu, ${transport}`, pid, port, echo: echoLabel(transport) },
    [Symbol.asyncDispose]: () => jitsu[Symbol.asyncDispose](),
  };
}
