/** The fields of XenAPI's VM record that are used here. Numbers are text over XML-RPC. */
export interface VmRecord {
  readonly uuid: string;
  readonly name_label: string;
  readonly power_state: 'Halted' | 'Paused' | 'Running' | 'Suspended';
  readonly current_operations: Readonly<Record<string, string>>;
  readonly domid: number | string;
  /** The host on which it runs. */
  readonly resident_on: string;
  readonly VIFs: readonly string[];
  readonly guest_metrics: string;
  readonly is_a_template: boolean;
  readonly is_a_snapshot: boolean;
  readonly is_control_domain: boolean;
}

/** The null reference. */
export const NULL_REFERENCE = 'OpaqueRef:NULL';

/** The kind of a record that is not a VM to start, or undefined for one that is. */
export function kindOfNoVm(record: VmRecord): string | undefined {
  if (record.is_control_domain) return 'a control domain';
  if (record.is_a_snapshot) return 'a snapshot';
  return record.is_a_template ? 'a template' : undefined;
}
