/** What is used of a VM record of XenAPI. Numbers come as text over XML-RPC. */
export interface VmRecord {
  readonly uuid: string;
  readonly name_label: string;
  readonly power_state: 'Halted' | 'Paused' | 'Running' | 'Suspended';
  readonly current_operations: Readonly<Record<string, string>>;
  readonly domid: number | string;
  readonly VIFs: readonly string[];
  readonly guest_metrics: string;
  readonly is_a_template: boolean;
  readonly is_a_snapshot: boolean;
  readonly is_control_domain: boolean;
}

/** The reference to nothing. */
export const NULL_REFERENCE = 'OpaqueRef:NULL';

/** What a record is if it is no VM that may be started, or undefined for one that may. */
export function kindOfNoVm(record: VmRecord): string | undefined {
  if (record.is_control_domain) return 'a control domain';
  if (record.is_a_snapshot) return 'a snapshot';
  return record.is_a_template ? 'a template' : undefined;
}
