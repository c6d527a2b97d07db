import type { Tree } from '../comparison/tree.js';
import { JitsuChild } from '../jitsu-child.js';
import type { Contestant } from './contestant.js';
import { echoLabel, type EchoTransport } from './echo.js';
import type { Scene } from './scene.js';

/** A Jitsu that takes part with this transport: that of another checkout, where one is given. */
export async function startJitsu(
  transport: EchoTransport,
  { probe, unikernels = [], dns = {} }: Scene,
  tree?: Tree,
): Promise<Contestant> {
  const jitsu = await JitsuChild.start(unikernels, probe, { dns: { ...dns, transport }, tree });
  const { pid, port } = jitsu;
  return {
    ...{ label: `Jitsu, ${transport}`, pid, port, echo: echoLabel(transport) },
    [Symbol.asyncDispose]: () => jitsu[Symbol.asyncDispose](),
  };
}
