import { RunningJitsu } from '../support/running-jitsu.js';

/** What a program does that another one does not, and how many there are of it. */
const TEMPERS: readonly (readonly [name: string, count: number, habits: readonly string[], more?: object])[] = [
  ['plain', 8, []],
  ['slow', 4, ['slow=300']],
  ['lingering', 4, ['lingers=500']],
  ['tardy', 2, ['slow=900', 'lingers=900']],
  ['crashing', 1, ['crashes']],
  ['deaf', 1, ['deaf'], { deadline: '2s' }],
];

export interface ChaosUnikernel extends Record<string, unknown> {
  readonly name: string;
  readonly dns: string;
  readonly ip: string;
}

/** Twenty unikernels of many tempers, behind `NAME.test`, each with a loopback address of its own. */
export function chaosUnikernels(): ChaosUnikernel[] {
  return TEMPERS.flatMap(([temper, count, habits, more]) =>
    Array.from(
      { length: count },
      (_, index) => RunningJitsu.aUnikernel(`${temper}${index}`, habits, more) as ChaosUnikernel,
    ),
  );
}
