import { RunningJitsu } from '../support/running-jitsu.js';

/** What others need. */
const NEEDED = 'plain0';

/** What a program does that another one does not, and how many there are of it. */
const TEMPERS: readonly (readonly [name: string, count: number, habits: readonly string[], more?: object])[] = [
  ['plain', 3, []],
  ['needing', 2, [], { needs: [NEEDED] }],
  ['watched', 2, [], { ready: 'http:8080/', watch: '1s', deadline: '10s', grace: '300ms' }],
  ['slow', 3, ['slow=300']],
  ['listening', 2, [], { listen: 'tcp:8080' }],
  ['grouped', 2, [], { group: 'pair' }],
  ['worker', 1, ['worker']],
  ['lingering', 2, ['lingers=500']],
  ['destroyed', 2, [], { mode: 'destroy' }],
  ['suspended', 2, [], { mode: 'suspend' }],
  ['tardy', 1, ['slow=900', 'lingers=900']],
  ['crashing', 1, ['crashes']],
  ['deaf', 1, ['deaf'], { deadline: '2s' }],
];

/** One of them; whether it is configured, and its present address, may change at each restart. */
export interface ChaosUnikernel {
  readonly name: string;
  readonly dns: string;
  /** Those that it has by turns. */
  readonly addresses: readonly string[];
  ip: string;
  /** What becomes of it where it runs at another address than that. */
  replace: 'idle' | 'now';
  isConfigured: boolean;
  /** Whether its program serves when nobody disturbs it. */
  readonly isHealthy: boolean;
  /** Whether its service is looked at while it is used. */
  readonly isWatched: boolean;
  /** Whether its program has started another process. */
  readonly hasProcesses: boolean;
  /** Whether it is stopped by suspending it, so that its process stays. */
  readonly isSuspended: boolean;
  /** Whether Jitsu listens for it. */
  readonly hasListener: boolean;
  /** Those that it needs, and those that go together with it. */
  readonly needs: readonly string[];
  readonly group: readonly string[];
  /** Whether the configuration has others that need it. */
  readonly isNeeded: boolean;
  /** Its entry in the configuration, but for the address. */
  readonly definition: object;
}

/** Two dozen unikernels of many tempers, behind `NAME.test`, each with loopback addresses of its own. */
export function chaosUnikernels(): ChaosUnikernel[] {
  return TEMPERS.flatMap(([temper, count, habits, more]) =>
    Array.from({ length: count }, (_, index) => {
      const definition = RunningJitsu.aUnikernel(`${temper}${index}`, habits, more);
      const addresses = [definition, RunningJitsu.aUnikernel('')].map(({ ip }) => String(ip));
      return {
        ...{ name: `${temper}${index}`, dns: `${temper}${index}.test`, addresses, ip: addresses[0]!, definition },
        ...{
          replace: 'idle' as const,
          isConfigured: true,
          isHealthy: !['crashing', 'deaf'].includes(temper),
          isSuspended: temper === 'suspended',
          hasProcesses: temper === 'worker',
          isWatched: temper === 'watched',
          hasListener: temper === 'listening',
          needs: temper === 'needing' ? [NEEDED] : [],
          group: temper === 'grouped' ? ['grouped0', 'grouped1'].filter((name) => name !== `${temper}${index}`) : [],
          isNeeded: `${temper}${index}` === NEEDED,
        },
      };
    }),
  );
}
