import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError } from './api-error.js';
import { methodNames, plainRecord, wrongWithCall, wrongWithResult, type ModelRecord } from './data-model.js';
import { EventLog } from './event-log.js';
import {
  allowedOperations,
  ENDED_BY_HARD_SHUTDOWN,
  POWER_RULES,
  type PowerOperation,
  type PowerRule,
  type VmPower,
} from './power-rules.js';

/** How an emulated VM behaves. */
export interface VmHabits {
  /** What its clean shutdown fails with; `ignored` where it never ends. */
  shutdown?: 'ignored' | 'VM_LACKS_FEATURE' | 'VM_FAILED_SHUTDOWN_ACKNOWLEDGMENT';
  /** What its start fails with. */
  broken?: ApiError;
  /** How long each operation takes, in milliseconds. */
  takes?: Partial<Record<PowerOperation, number>>;
  /** What each interface of it receives and sends in the step that ends at that time, in bytes a second. */
  traffic?: (end: number) => number;
  /** Called when its domain begins to run and when it has ended. */
  onRun?: () => void;
  onEnd?: () => void;
}

export interface EmulatedVm {
  readonly reference: string;
  readonly record: ModelRecord & { power_state: VmPower; current_operations: Record<string, string> };
  readonly habits: VmHabits;
}

/** What a host keeps of the traffic of a VM: the steps in seconds, each 120 times. */
const STEPS = [5, 60];
const ROWS = 120;

const TIME_OF_DAY = /(?<=T)(\d\d)(\d\d)(\d\d)/;

const POOL = 'OpaqueRef:pool';
const HOST = 'OpaqueRef:host-1';

type Parameters = readonly never[];
type Method = (...parameters: Parameters) => unknown;

/**
 * A pool as XAPI shows it, without any machine: sessions, VMs with their power-state rules, VIFs, tasks, events. Every
 * call and every result is checked against XenAPI's data model; what does not fit is refused, and kept in `refused`.
 */
export class PoolEmulator {
  readonly calls: { readonly method: string; readonly parameters: readonly unknown[] }[] = [];
  /** What the data model did not know: empty at the end of any test. */
  readonly refused: string[] = [];
  readonly vms = new Map<string, EmulatedVm>();
  /** When each VM last ran, by the clock of performance.now(). */
  readonly ranAt = new Map<string, number>();
  password = 'secret';
  /** The time of its hosts, in seconds since 1970. */
  time = (): number => Date.now() / 1_000;
  readonly #objects = new Map<string, { readonly kind: string; readonly record: ModelRecord }>();
  readonly #events = new EventLog((reference) => this.#objects.get(reference)?.record);
  readonly #sessions = new Set<string>();
  readonly #cancels = new Map<string, (error: ApiError) => void>();
  #count = 0;
  #domains = 0;

  constructor(name = 'emulated') {
    this.#add('pool', POOL, { uuid: uuidOf(`pool ${name}`), name_label: name, master: HOST });
    this.addHost('host-1', '127.0.0.1');
  }

  /** All hosts are the same pool; who of them answers is the business of whoever serves it. */
  addHost(name: string, address: string): void {
    this.#add('host', `OpaqueRef:${name}`, { uuid: uuidOf(name), name_label: name, address });
  }

  /** A VM that is halted, with these network interfaces, the last device first as XAPI may have it. */
  addVm(
    name: string,
    { habits = {}, macs = [], ...fields }: { habits?: VmHabits; macs?: readonly string[] } & ModelRecord = {},
  ): EmulatedVm {
    const number = (this.#count += 1);
    const reference = `OpaqueRef:vm-${number}`;
    const vifs = macs.map((mac, device) => {
      const vif = `OpaqueRef:vif-${number}-${device}`;
      const uuid = uuidOf(vif);
      this.#add('VIF', vif, { uuid, device: String(device), MAC: mac, VM: reference });
      return vif;
    });
    const record = plainRecord('VM', {
      uuid: uuidOf(`${name} ${number}`),
      name_label: name,
      domid: -1,
      VIFs: vifs.reverse(),
      allowed_operations: allowedOperations('Halted', []),
      ...fields,
    }) as EmulatedVm['record'];
    const vm: EmulatedVm = { reference, record, habits };
    this.vms.set(name, vm);
    this.#objects.set(reference, { kind: 'VM', record });
    this.#events.tell('VM', reference, 'add');
    return vm;
  }

  vm(name: string): EmulatedVm {
    const vm = this.vms.get(name);
    if (!vm) throw new Error(`there is no ${name}`);
    return vm;
  }

  stateOf(name: string): VmPower {
    return this.vm(name).record.power_state;
  }

  /** As somebody else would, at once. */
  put(name: string, state: VmPower): void {
    this.#enter(this.vm(name), state);
  }

  /** As its guest would: it goes on in another domain, and never counts as anything but running. */
  reboot(name: string): void {
    const { record, reference } = this.vm(name);
    record['domid'] = this.#domains += 1;
    this.#touch(record, reference);
  }

  /** As somebody else would, for good. */
  remove(name: string): void {
    const { reference } = this.vm(name);
    this.vms.delete(name);
    this.#objects.delete(reference);
    this.#events.tell('VM', reference, 'del');
  }

  /** What the agent within the guest says of its addresses. */
  report(name: string, networks: Readonly<Record<string, string>>): void {
    const { reference, record } = this.vm(name);
    const metrics = `OpaqueRef:metrics-${(this.#count += 1)}`;
    this.#add('VM_guest_metrics', metrics, { uuid: uuidOf(metrics), networks });
    record['guest_metrics'] = metrics;
    this.#events.tell('VM', reference, 'mod');
  }

  /** No session is valid any more. */
  expireSessions(): void {
    this.#sessions.clear();
    this.#events.end('SESSION_INVALID');
  }

  /** Forgets all events so far. */
  loseEvents(): void {
    this.#events.lose();
  }

  get sessions(): number {
    return this.#sessions.size;
  }

  called(method: string): number {
    return this.calls.filter((call) => call.method === method).length;
  }

  /** Removes all VMs, and what is known of calls. */
  clear(): void {
    for (const name of [...this.vms.keys()]) {
      if (this.stateOf(name) !== 'Halted') this.put(name, 'Halted');
      this.remove(name);
    }
    this.calls.length = 0;
  }

  /** Does what a call asks for. @throws ApiError */
  async execute(method: string, parameters: readonly unknown[]): Promise<unknown> {
    this.calls.push({ method, parameters: method.startsWith('session.login') ? ['***'] : parameters });
    const wrong = method === 'VM.destroy' ? 'nobody may delete a VM' : wrongWithCall(method, parameters);
    if (wrong !== undefined) throw this.#refuse(wrong);
    if (method === 'system.listMethods') return methodNames();
    if (method !== 'session.login_with_password') {
      const [session] = parameters as [string];
      if (!this.#sessions.has(session)) throw new ApiError('SESSION_INVALID', [session]);
    }
    const own = (this.#methods as Readonly<Record<string, Method>>)[method];
    const result = own ? await own(...(parameters as Parameters)) : await this.#generic(method, parameters as string[]);
    const wrongResult = wrongWithResult(method, result);
    if (wrongResult !== undefined) throw this.#refuse(wrongResult);
    return result;
  }

  /**
   * What the host says at /rrd_updates, as it is documented and as others read it: the newest row first.
   * @throws ApiError for a session that has ended
   */
  rrdUpdates(query: URLSearchParams): string {
    const session = query.get('session_id') ?? '';
    if (!this.#sessions.has(session)) throw new ApiError('SESSION_INVALID', [session]);
    const start = Number(query.get('start'));
    const wanted = Number(query.get('interval') ?? 5);
    const now = this.time();
    const step = STEPS.find((one) => one >= wanted && start > now - one * ROWS) ?? STEPS.at(-1)!;
    const vms = [...this.vms.values()].filter(({ record }) => record.power_state === 'Running');
    const columns = vms.flatMap(({ record, habits }) =>
      (record['VIFs'] as readonly string[]).flatMap((_, device) =>
        ['rx', 'tx'].map((direction) => ({
          legend: `AVERAGE:vm:${String(record['uuid'])}:vif_${device}_${direction}`,
          rate: habits.traffic ?? (() => 0),
        })),
      ),
    );
    const end = Math.floor(now / step) * step;
    const ends = Array.from({ length: ROWS }, (_, row) => end - row * step).filter((time) => time > start);
    const rateIn = (rate: (end: number) => number, time: number): number => {
      const parts = Array.from({ length: step / 5 }, (_, part) => rate(time - part * 5));
      return parts.reduce((sum, one) => sum + one, 0) / parts.length;
    };
    const rows = ends.map((t) => `{"t":${t},"values":[${columns.map(({ rate }) => rateIn(rate, t)).join(',')}]}`);
    const legend = JSON.stringify(columns.map((column) => column.legend));
    const meta = `{"start":${start},"step":${step},"end":${end},"rows":${rows.length},"columns":${columns.length},"legend":${legend}}`;
    return `{"meta":${meta},"data":[${rows.join(',')}]}`;
  }

  readonly #methods = {
    'session.login_with_password': (user: string, password: string): string => {
      if (password !== this.password) {
        throw new ApiError('SESSION_AUTHENTICATION_FAILED', [user, 'Authentication failure']);
      }
      const session = `OpaqueRef:session-${(this.#count += 1)}`;
      this.#sessions.add(session);
      return session;
    },
    'session.logout': (session: string): string => {
      this.#sessions.delete(session);
      if (this.#sessions.size === 0) this.#events.end('SESSION_INVALID');
      return '';
    },
    'host.get_servertime': (): string =>
      new Date(this.time() * 1_000)
        .toISOString()
        .replaceAll(/-|:|\.\d+/g, '')
        .replace(TIME_OF_DAY, '$1:$2:$3'),
    'event.inject': (_session: string, kind: string, reference: string): string =>
      this.#events.tell(kind, reference, 'mod'),
    'event.from': (_session: string, classes: readonly string[], token: string, timeout: number): Promise<unknown> =>
      this.#events.from(classes, token, timeout),
    'task.cancel': (_session: string, task: string): string => {
      this.#cancels.get(task)?.(new ApiError('TASK_CANCELLED', [task]));
      return '';
    },
  };

  /** Messages that mean the same for every class, and those that change power. */
  async #generic(method: string, [, ...parameters]: readonly string[]): Promise<unknown> {
    const [kind = '', message = ''] = method.split('.');
    const ofKind = [...this.#objects].filter(([, object]) => object.kind === kind);
    if (message === 'get_all_records') {
      return Object.fromEntries(ofKind.map(([reference, { record }]) => [reference, { ...record }]));
    }
    const [first = ''] = parameters;
    if (message === 'get_by_name_label') {
      return ofKind.filter(([, { record }]) => record['name_label'] === first).map(([reference]) => reference);
    }
    if (message === 'get_by_uuid') {
      const found = ofKind.find(([, { record }]) => record['uuid'] === first)?.[0];
      if (found === undefined) throw new ApiError('UUID_INVALID', [kind, first]);
      return found;
    }
    const object = this.#objects.get(first);
    if (object?.kind !== kind) throw new ApiError('HANDLE_INVALID', [kind, first]);
    if (message === 'get_record') return { ...object.record };
    const vm = [...this.vms.values()].find(({ reference }) => reference === first)!;
    await this.#operate(vm, message as PowerOperation, parameters.slice(1));
    return '';
  }

  async #operate(vm: EmulatedVm, operation: PowerOperation, parameters: readonly unknown[]): Promise<void> {
    const { record, reference, habits } = vm;
    const { from, to }: PowerRule = POWER_RULES[operation];
    if (record['is_a_template']) throw new ApiError('VM_IS_TEMPLATE', [reference]);
    if (!from.includes(record.power_state)) {
      throw new ApiError('VM_BAD_POWER_STATE', [reference, from[0]!.toLowerCase(), record.power_state.toLowerCase()]);
    }
    const current = Object.entries(record.current_operations);
    if (!allowedOperations(record.power_state, Object.values(record.current_operations)).includes(operation)) {
      throw new ApiError('OTHER_OPERATION_IN_PROGRESS', ['VM', reference, current[0]![1]]);
    }
    for (const [task, name] of current) {
      if (ENDED_BY_HARD_SHUTDOWN.has(name as PowerOperation)) {
        this.#cancels.get(task)?.(new ApiError('TASK_CANCELLED', [task]));
      }
    }
    await this.#asTask(vm, operation, async () => {
      if (operation.startsWith('start') && habits.broken) throw habits.broken;
      if (operation === 'clean_shutdown' && habits.shutdown === 'ignored') await new Promise(() => undefined);
      if (operation === 'clean_shutdown' && habits.shutdown) throw new ApiError(habits.shutdown, [reference]);
      await sleep(habits.takes?.[operation] ?? 0);
      const isPaused = parameters.some((parameter, index) => parameter === true && index === parameters.length - 2);
      this.#enter(vm, isPaused ? 'Paused' : to);
    });
  }

  async #asTask(
    { record, reference }: EmulatedVm,
    operation: PowerOperation,
    action: () => Promise<void>,
  ): Promise<void> {
    const task = `OpaqueRef:task-${(this.#count += 1)}`;
    const taskRecord = this.#add('task', task, { uuid: uuidOf(task), name_label: `VM.${operation}` });
    const cancelled = new Promise<never>((_, reject) => this.#cancels.set(task, reject));
    record.current_operations = { ...record.current_operations, [task]: operation };
    this.#touch(record, reference);
    try {
      await Promise.race([action(), cancelled]);
      taskRecord['status'] = 'success';
    } catch (error) {
      taskRecord['status'] = 'failure';
      if (error instanceof ApiError) taskRecord['error_info'] = [error.code, ...error.parameters];
      throw error;
    } finally {
      this.#cancels.delete(task);
      const { [task]: _ended, ...others } = record.current_operations;
      record.current_operations = others;
      this.#touch(record, reference);
    }
  }

  #enter({ record, reference, habits }: EmulatedVm, state: VmPower): void {
    const ran = record.power_state === 'Running' || record.power_state === 'Paused';
    const runs = state === 'Running' || state === 'Paused';
    record.power_state = state;
    if (runs && !ran) {
      record['domid'] = this.#domains += 1;
      record['resident_on'] = HOST;
      this.ranAt.set(String(record['name_label']), performance.now());
      habits.onRun?.();
    }
    if (!runs) {
      record['domid'] = -1;
      record['resident_on'] = 'OpaqueRef:NULL';
      if (ran) habits.onEnd?.();
    }
    this.#touch(record, reference);
  }

  #touch(record: EmulatedVm['record'], reference: string): void {
    record['allowed_operations'] = allowedOperations(record.power_state, Object.values(record.current_operations));
    this.#events.tell('VM', reference, 'mod');
  }

  #add(kind: string, reference: string, fields: ModelRecord): ModelRecord {
    const record = plainRecord(kind, fields);
    this.#objects.set(reference, { kind, record });
    return record;
  }

  #refuse(wrong: string): ApiError {
    this.refused.push(wrong);
    return new ApiError('INTERNAL_ERROR', [wrong]);
  }
}

/** The same for the same words. */
export function uuidOf(words: string): string {
  const hex = createHash('sha256').update(words).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  );
}
