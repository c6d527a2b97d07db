import { z } from 'zod';

const number = z.union([z.number(), z.string().transform(Number)]);

const updates = z.object({
  meta: z.object({ step: number.pipe(z.number().positive()), legend: z.array(z.string()) }),
  data: z.array(z.object({ t: number.pipe(z.number()), values: z.array(z.nullable(number)) })),
});

/** NaN and infinities, which JSON does not have, and older hosts write all the same. */
const NO_NUMBER = /(?<=[[,:\s])[-+]?(?:nan|inf(?:inity)?)(?=[\],}\s])/gi;

/** What the interfaces of a VM have received and sent. */
export interface RecordedBytes {
  /** In seconds, of each row. */
  readonly step: number;
  /** The oldest first. `end` in seconds since 1970; `bytes` is undefined where that is not known of each interface. */
  readonly rows: readonly { readonly end: number; readonly bytes: number | undefined }[];
}

/**
 * The bytes of a VM in what a host says at `/rrd_updates` (`json=true`): rates of each interface and direction, in bytes
 * a second, as `AVERAGE:vm:UUID:vif_0_rx`.
 * @throws Error for anything else, and where none of its interfaces is in it
 */
export function recordedBytes(text: string, uuid: string): RecordedBytes {
  const { meta, data } = updates.parse(JSON.parse(text.replaceAll(NO_NUMBER, 'null')));
  const ofVm = `AVERAGE:vm:${uuid}:vif_`;
  const columns = meta.legend.flatMap((name, column) =>
    name.startsWith(ofVm) && /^\d+_[rt]x$/.test(name.slice(ofVm.length)) ? [column] : [],
  );
  if (columns.length === 0) throw new Error('it has no figures of its network interfaces');
  const rows = data.map(({ t, values }) => {
    const bytes = columns.reduce((sum, column) => sum + (values[column] ?? Number.NaN), 0) * meta.step;
    return { end: t, bytes: Number.isFinite(bytes) ? bytes : undefined };
  });
  return { step: meta.step, rows: rows.sort((a, b) => a.end - b.end) };
}
