import {
  errorMessage,
  JitsuError,
  untilAborted,
  type ActivitySource,
  type Clock,
  type MachineId,
  type Milliseconds,
  type ServiceEndpoints,
  type Traffic,
} from '@jitsud/core/plugin';
import type { PoolConnection } from './pool-connection.js';
import type { PoolSession } from './pool-session.js';
import { recordedBytes, type RecordedBytes } from './recorded-bytes.js';
import { NULL_REFERENCE } from './vm-record.js';

/** What a host keeps of the traffic of each VM, from the finest on: in seconds, the step, and how far back it goes. */
const ARCHIVES = [
  { step: 5, reach: 10 * 60 },
  { step: 60, reach: 2 * 60 * 60 },
] as const;

/** In seconds: a host whose newest figures are older than this says nothing of the present. */
const OLDEST = 30;

/** In seconds, the time over which bytes are counted. */
const WINDOW = 60;

/** A time of XenAPI, as `20301231T23:59:59Z`; hosts of late have dashes, too. */
const TIME = /^(\d{4})-?(\d\d)-?(\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?Z$/;

/**
 * Takes a VM for used while its interfaces receive and send more bytes than a quiet network does by itself: a hint,
 * since nobody knows whose they are. It is asked of the host on which the VM runs, which keeps rates for two hours
 * (`rrd_updates`): VIF_metrics of XenAPI have been zero since that was there.
 */
export class VmTraffic implements ActivitySource {
  /** @param threshold in bytes a minute, of both directions */
  constructor(
    private readonly pool: PoolConnection,
    private readonly clock: Pick<Clock, 'now'>,
    private readonly threshold: number,
  ) {}

  sees({ machine }: ServiceEndpoints): boolean {
    return machine !== '';
  }

  /** @throws JITSU_BACKEND_UNREACHABLE, JITSU_BACKEND_FAILED where the host does not tell */
  async observe({ unikernel, machine }: ServiceEndpoints, signal: AbortSignal): Promise<Traffic> {
    signal.throwIfAborted();
    try {
      return await untilAborted(
        this.pool.use((session) => this.#of(session, machine, signal)),
        signal,
      );
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof JitsuError) throw error;
      throw failed(`The bytes of ${unikernel} cannot be counted: ${errorMessage(error)}`, error);
    }
  }

  async #of(session: PoolSession, machine: MachineId, signal: AbortSignal): Promise<Traffic> {
    const record = session.records.get(machine)?.record;
    if (record === undefined || record.resident_on === NULL_REFERENCE) {
      throw failed(`The VM ${machine} runs on no host, so nobody counts its bytes`);
    }
    if (record.VIFs.length === 0) return { lastPacket: -Infinity };
    const [{ address }, now] = await Promise.all([
      session.call('host.get_record', record.resident_on) as Promise<{ address: string }>,
      session.call('host.get_servertime', record.resident_on).then(secondsOf),
    ]);
    let quietSince = Infinity;
    for (const { step: wanted, reach } of ARCHIVES) {
      const range = { address, machine, step: wanted, start: now - reach + wanted };
      const { step, rows } = await this.#recorded(session, range, signal);
      const newest = rows.at(-1);
      if (quietSince === Infinity && (newest?.bytes === undefined || now - newest.end > OLDEST)) {
        throw failed(`The host ${address} has no present figures of the interfaces of the VM ${machine}`);
      }
      // What the finer figures know already is not asked of the coarser ones.
      const used = this.#lastUse({ step, rows: rows.filter(({ end }) => end <= quietSince) });
      if (used !== undefined) return { lastPacket: this.#ago(now - used.end), ...detailOf(used.bytes) };
      quietSince = Math.min(quietSince, ...rows.slice(0, 1).map(({ end }) => end - step));
    }
    // What was before that, nobody knows any more.
    return { lastPacket: this.#ago(now - quietSince) };
  }

  async #recorded(
    session: PoolSession,
    { address, machine, step, start }: { address: string; machine: MachineId; step: number; start: number },
    signal: AbortSignal,
  ): Promise<RecordedBytes> {
    const query = { cf: 'AVERAGE', interval: String(step), json: 'true', start: String(start), vm_uuid: machine };
    try {
      return recordedBytes(await session.get(address, '/rrd_updates', query, signal), machine);
    } catch (error) {
      // Of another kind it would end the session, which is none the worse for it.
      throw failed(`The host ${address} does not tell the traffic of the VM ${machine}: ${errorMessage(error)}`, error);
    }
  }

  /** The end of the last time in which it was used enough, or may have been. */
  #lastUse({ step, rows }: RecordedBytes): { readonly end: number; readonly bytes?: number } | undefined {
    for (let last = rows.length - 1; last >= 0; last -= 1) {
      const row = rows[last]!;
      if (row.bytes === undefined) return { end: row.end };
      let bytes = 0;
      for (let index = last; index >= 0 && rows[index]!.end > row.end - Math.max(WINDOW, step); index -= 1) {
        bytes += rows[index]!.bytes ?? 0;
      }
      const each = (bytes * WINDOW) / Math.max(WINDOW, step);
      if (each >= this.threshold) return { end: row.end, bytes: Math.round(each) };
    }
    return undefined;
  }

  #ago(seconds: number): Milliseconds {
    return this.clock.now() - Math.max(0, seconds) * 1_000;
  }
}

function detailOf(bytes: number | undefined): { detail?: string } {
  return bytes === undefined ? {} : { detail: `${bytes} bytes a minute` };
}

/** Seconds since 1970. @throws JITSU_BACKEND_FAILED for what is no time */
function secondsOf(time: unknown): number {
  const given = time instanceof Date ? time.toISOString() : String(time);
  const [, year, month, day, clock] = TIME.exec(given) ?? [];
  const seconds = Date.parse(`${year}-${month}-${day}T${clock}Z`) / 1_000;
  if (Number.isNaN(seconds)) throw failed(`The host says that its time is ${given.slice(0, 40)}, which is none`);
  return seconds;
}

function failed(message: string, cause?: unknown): JitsuError {
  return new JitsuError('JITSU_BACKEND_FAILED', message, { cause });
}
