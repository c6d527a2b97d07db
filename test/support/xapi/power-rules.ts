export type VmPower = 'Halted' | 'Paused' | 'Running' | 'Suspended';

export interface PowerRule {
  readonly from: readonly VmPower[];
  readonly to: VmPower;
}

/** From which states XAPI lets each operation begin, and where it leads. */
export const POWER_RULES = {
  start: { from: ['Halted'], to: 'Running' },
  start_on: { from: ['Halted'], to: 'Running' },
  pause: { from: ['Running'], to: 'Paused' },
  unpause: { from: ['Paused'], to: 'Running' },
  clean_shutdown: { from: ['Running'], to: 'Halted' },
  hard_shutdown: { from: ['Running', 'Paused', 'Suspended'], to: 'Halted' },
  suspend: { from: ['Running'], to: 'Suspended' },
  resume: { from: ['Suspended'], to: 'Running' },
  resume_on: { from: ['Suspended'], to: 'Running' },
} as const satisfies Record<string, PowerRule>;

export type PowerOperation = keyof typeof POWER_RULES;

/** A hard shutdown does not wait for these; it ends them. */
export const ENDED_BY_HARD_SHUTDOWN: ReadonlySet<PowerOperation> = new Set(['clean_shutdown', 'suspend']);

/** What may be done with a VM in this state while these operations are under way. */
export function allowedOperations(state: VmPower, current: readonly string[]): readonly PowerOperation[] {
  const fromHere = (Object.keys(POWER_RULES) as PowerOperation[]).filter((operation) =>
    (POWER_RULES[operation] as PowerRule).from.includes(state),
  );
  if (current.length === 0) return fromHere;
  const canBeEnded = current.every((operation) => ENDED_BY_HARD_SHUTDOWN.has(operation as PowerOperation));
  return canBeEnded ? fromHere.filter((operation) => operation === 'hard_shutdown') : [];
}
