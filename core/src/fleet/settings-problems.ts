import type { ConfigProblem } from '../config/config-problems.js';
import type { Settings, UnikernelSettings } from '../config/settings.js';
import { FASTEST, stopModeProblem } from '../config/stop.js';
import type { GuardedBackend } from '../lifecycle/guarded-backend.js';

/** A probe, as it is configured. */
type ProbeSettings = UnikernelSettings['ready'][number];

/**
 * What is wrong with the settings of unikernels, as their backends and their probes are.
 * @param backends by connection name
 * @param portOf the port that a probe asks, as it says itself
 */
export function settingsProblems(
  { connections, unikernels }: Pick<Settings, 'connections' | 'unikernels'>,
  backends: ReadonlyMap<string, GuardedBackend>,
  portOf: (probe: ProbeSettings) => number | undefined,
): readonly ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  for (const unikernel of unikernels) {
    const problem = unsupportedMode(unikernel, backends);
    if (problem !== undefined) problems.push(problem);
    if (unikernel.relays.length > 0) problems.push(...askedRelays(unikernel, portOf));
    const unheld = unikernel.answersAtOnce ? unheldPackets(unikernel, connections, portOf) : undefined;
    if (unheld !== undefined) problems.push(unheld);
  }
  return problems;
}

function unsupportedMode(
  { name, backend, stopMode }: UnikernelSettings,
  backends: ReadonlyMap<string, GuardedBackend>,
): ConfigProblem | undefined {
  const { stopModes } = (backends.get(backend) as GuardedBackend).capabilities;
  if (stopMode === FASTEST || stopModes.includes(stopMode)) return undefined;
  return stopModeProblem(`the stop mode of ${name}`, stopMode, backend, stopModes);
}

/** A relay answers always, whatever becomes of the service behind it. */
function askedRelays(
  { name, relays, ready }: UnikernelSettings,
  portOf: (probe: ProbeSettings) => number | undefined,
): readonly ConfigProblem[] {
  return relays.flatMap(({ protocol, listen, to }) =>
    ready
      .filter((probe) => {
        const port = portOf(probe);
        return protocol === 'tcp' && port === listen.port && !relays.some((other) => other.to.port === port);
      })
      .map(({ words }) => ({
        path: `${name}.ready`,
        given: words,
        expected: `The port at which the program listens expected, ${to.port}: at ${listen.port} the relay answers always.`,
      })),
  );
}

/** Without a port there is no packet that a doorman could hold; a backend may know others by itself. */
function unheldPackets(
  { name, backend, options, wakesOn, ports, relays, ready }: UnikernelSettings,
  connections: Settings['connections'],
  portOf: (probe: ProbeSettings) => number | undefined,
): ConfigProblem | undefined {
  if (ports.length > 0 || relays.length > 0 || ready.some((probe) => portOf(probe) !== undefined)) return undefined;
  const connection = connections.find((each) => each.name === backend);
  if (connection?.contribution.holds?.(options) === true) return undefined;
  const expected =
    "It is answered at once only where the first packets of its clients can be held until it is ready: name its ports, as in ports: ['tcp/443'].";
  return wakesOn === 'connection'
    ? { path: `${name}.wake.on`, given: wakesOn, expected }
    : { path: `${name}.wake.answer`, given: 'at-once', expected };
}
