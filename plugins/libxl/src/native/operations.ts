import { closeSync, fsyncSync, openSync } from 'node:fs';
import type { CLibrary, Pointer } from './c-library.js';
import { failureOf, Refusal } from './call-failure.js';
import type { ErrorLog } from './error-log.js';
import type { LibxlLibrary } from './libxl-library.js';
import { notTaken } from './not-taken.js';
import { Structure } from './structure.js';

/** The version of libxl's format of saved memory; 1 was that of Xen before 4.6. */
const STREAM_VERSION = 2;

/** libxl_error. */
const ERROR_DOMAIN_NOTFOUND = -21;
/** What libxl_domain_info returned before that code existed. */
const ERROR_INVAL = -6;

/** The domain id after `libxl_domain_create_new` without a domain. */
const NO_DOMAIN = 0xffff_ffff;

export interface Structures {
  readonly config: Structure;
  readonly info: Structure;
  readonly restoreParameters: Structure;
}

/** The operations of the process of libxl, many at a time. Each throws a {@link Refusal} where libxl refuses. */
export function libxlOperations(
  library: LibxlLibrary,
  { c, context }: { readonly c: CLibrary; readonly context: Pointer },
  structures: Structures,
  log: ErrorLog,
) {
  const refused = (result: number, lines: readonly string[]): Refusal => {
    const code = library.libxl_error_to_string(result) ?? `error ${result}`;
    return new Refusal({ kind: 'refused', code: `ERROR_${code.toUpperCase()}`, log: lines });
  };

  /** Makes a call whose domain id may become known meanwhile. */
  const checked = async (call: () => Promise<number>, domain: () => number | undefined): Promise<void> => {
    const end = log.begin();
    const result = await call().catch((error: unknown) => {
      end();
      throw error;
    });
    const lines = end(domain());
    if (result < 0) throw refused(result, lines);
  };

  const action =
    (call: (context: Pointer, domain: number, how: null) => Promise<number>) =>
    (domain: number): Promise<void> =>
      checked(
        () => call(context, domain, null),
        () => domain,
      );

  /** Fills in a configuration, and checks that libxl has understood all of it. */
  const fillIn = (config: Pointer, json: string): void => {
    const end = log.begin();
    const result = library.libxl_domain_config_from_json(context, config, json);
    const lines = end();
    if (result < 0) throw refused(result, lines);
    const taken: unknown = JSON.parse(library.libxl_domain_config_to_json(context, config) ?? 'null');
    const lost = notTaken(JSON.parse(json), taken);
    if (lost.length === 0) return;
    throw new Refusal({ kind: 'unfit', message: `this libxl does not take ${lost.join(', ')}` });
  };

  const withFile = async <T>(path: string, flags: string, use: (file: number) => Promise<T>): Promise<T> => {
    const file = openSync(path, flags, 0o600);
    try {
      return await use(file);
    } finally {
      closeSync(file);
    }
  };

  const known = ([domain]: [number]): number | undefined => (domain === NO_DOMAIN ? undefined : domain);

  /** The id of the domain that a call creates. Where it fails, libxl itself removes what exists of it. */
  const made = async (call: (domain: [number]) => Promise<number>): Promise<number> => {
    const domain: [number] = [NO_DOMAIN];
    await checked(
      () => call(domain),
      () => known(domain),
    );
    return domain[0];
  };

  return {
    /** Checks whether this libxl understands a configuration: it refuses what libxl would drop. */
    check: (json: string): Promise<void> => structures.config.lend((config) => fillIn(config, json)),

    /** Creates a domain, paused; returns its id. */
    create: (json: string): Promise<number> =>
      structures.config.lend((config) => {
        fillIn(config, json);
        return made((domain) => library.libxl_domain_create_new(context, config, domain, null, null));
      }),

    /** Creates a domain from saved memory, paused; returns its id. */
    restore: (json: string, path: string): Promise<number> =>
      structures.config.lend((config) =>
        structures.restoreParameters.lend((parameters) =>
          withFile(path, 'r', (file) => {
            fillIn(config, json);
            const wanted = { stream_version: STREAM_VERSION };
            library.libxl_domain_restore_params_from_json(context, parameters, JSON.stringify(wanted));
            const taken: unknown = JSON.parse(
              library.libxl_domain_restore_params_to_json(context, parameters) ?? 'null',
            );
            if (notTaken(wanted, taken).length > 0) {
              throw new Refusal({ kind: 'unfit', message: 'this libxl cannot be told the form of saved memory' });
            }
            return made((domain) =>
              library.libxl_domain_create_restore(
                ...([context, config, domain, file, -1, parameters, null, null] as const),
              ),
            );
          }),
        ),
      ),

    /**
     * Writes a domain's memory to a new file. The domain has ended then, and is to be destroyed; on failure it keeps
     * running.
     */
    save: (domain: number, path: string): Promise<void> =>
      withFile(path, 'wx', async (file) => {
        try {
          await checked(
            () => library.libxl_domain_suspend(context, domain, file, 0, null),
            () => domain,
          );
          fsyncSync(file);
        } catch (error) {
          // A guest that was suspended for this resumes; any other is not affected.
          await library.libxl_domain_resume(context, domain, 1, null).catch((reason: unknown) => failureOf(reason));
          throw error;
        }
      }),

    unpause: action(library.libxl_domain_unpause),
    pause: action(library.libxl_domain_pause),
    destroy: action(library.libxl_domain_destroy),

    /** libxl_dominfo in libxl's JSON; null where the domain does not exist. */
    info: (domain: number): Promise<string | null> =>
      structures.info.lend((info) => {
        const end = log.begin();
        const result = library.libxl_domain_info(context, info, domain);
        const lines = end(domain);
        if (result === ERROR_DOMAIN_NOTFOUND || result === ERROR_INVAL) return null;
        if (result < 0) throw refused(result, lines);
        return library.libxl_dominfo_to_json(context, info);
      }),

    /** libxl_physinfo in libxl's JSON. */
    host: (): Promise<string | null> => {
      const { init, dispose, get, toJson } = library.physinfo();
      return new Structure('libxl_physinfo', c, init, dispose).lend((info) => {
        const end = log.begin();
        const result = get(context, info);
        const lines = end();
        if (result < 0) throw refused(result, lines);
        return toJson(context, info);
      });
    },
  };
}

export type Operations = ReturnType<typeof libxlOperations>;
