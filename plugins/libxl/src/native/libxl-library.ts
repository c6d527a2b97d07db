import koffi, { type KoffiFunc, type LibraryHandle } from 'koffi';
import type { Pointer } from './c-library.js';
import { Refusal } from './call-failure.js';
import type { XenVersion } from './xen-version.js';

/** A blocking call: it is made in a thread of Node's pool. */
type Blocking<P extends readonly unknown[]> = (...parameters: P) => Promise<number>;

/** In place of a callback for asynchronous calls: our calls always wait. */
type Null = null;

/** The functions of libxl that this plugin calls, under their own names. Negative results are errors. */
export function loadLibxl({ major, minor }: XenVersion) {
  const library = load(`libxenlight.so.${major}.${minor}`);
  const logging = load('libxentoollog.so.1');

  const bind = <F extends (...parameters: never[]) => unknown>(definition: string, from = library): F =>
    from.func(definition) as unknown as F;

  const blocking = <P extends readonly unknown[]>(definition: string): Blocking<P> => {
    const call = library.func(definition) as KoffiFunc<(...parameters: readonly unknown[]) => number>;
    return (...parameters) =>
      new Promise((resolve, reject) => {
        call.async(...parameters, (error: unknown, result: number) => {
          if (error instanceof Error) reject(error);
          else resolve(result);
        });
      });
  };

  const ownedString = koffi.disposable('str');

  return {
    xtl_createlogger_stdiostream: bind<(stream: Pointer, least: number, flags: number) => Pointer | null>(
      'void *xtl_createlogger_stdiostream(void *stream, int least, uint flags)',
      logging,
    ),

    libxl_ctx_alloc: bind<(context: [Pointer | null], version: number, flags: number, logger: Pointer) => number>(
      'int libxl_ctx_alloc(_Out_ void **context, int version, uint flags, void *logger)',
    ),
    libxl_ctx_free: bind<(context: Pointer) => number>('int libxl_ctx_free(void *context)'),
    libxl_get_version_info: bind<(context: Pointer) => Pointer | null>('void *libxl_get_version_info(void *context)'),
    libxl_version_info_to_json: library.func('libxl_version_info_to_json', ownedString, ['void *', 'void *']) as (
      context: Pointer,
      info: Pointer,
    ) => string | null,
    libxl_error_to_string: bind<(error: number) => string | null>('const char *libxl_error_to_string(int error)'),

    libxl_domain_config_init: bind<(config: Pointer) => void>('void libxl_domain_config_init(void *config)'),
    libxl_domain_config_dispose: bind<(config: Pointer) => void>('void libxl_domain_config_dispose(void *config)'),
    libxl_domain_config_from_json: bind<(context: Pointer, config: Pointer, json: string) => number>(
      'int libxl_domain_config_from_json(void *context, void *config, const char *json)',
    ),
    libxl_domain_config_to_json: library.func('libxl_domain_config_to_json', ownedString, ['void *', 'void *']) as (
      context: Pointer,
      config: Pointer,
    ) => string | null,

    libxl_dominfo_init: bind<(info: Pointer) => void>('void libxl_dominfo_init(void *info)'),
    libxl_dominfo_dispose: bind<(info: Pointer) => void>('void libxl_dominfo_dispose(void *info)'),
    libxl_domain_info: bind<(context: Pointer, info: Pointer, domain: number) => number>(
      'int libxl_domain_info(void *context, void *info, uint32_t domain)',
    ),
    libxl_dominfo_to_json: library.func('libxl_dominfo_to_json', ownedString, ['void *', 'void *']) as (
      context: Pointer,
      info: Pointer,
    ) => string | null,

    /** Bound when they are called: nothing but `jitsu check` needs them. */
    physinfo: () => ({
      init: bind<(info: Pointer) => void>('void libxl_physinfo_init(void *info)'),
      dispose: bind<(info: Pointer) => void>('void libxl_physinfo_dispose(void *info)'),
      get: bind<(context: Pointer, info: Pointer) => number>('int libxl_get_physinfo(void *context, void *info)'),
      toJson: library.func('libxl_physinfo_to_json', ownedString, ['void *', 'void *']) as (
        context: Pointer,
        info: Pointer,
      ) => string | null,
    }),

    libxl_domain_restore_params_init: bind<(parameters: Pointer) => void>(
      'void libxl_domain_restore_params_init(void *parameters)',
    ),
    libxl_domain_restore_params_dispose: bind<(parameters: Pointer) => void>(
      'void libxl_domain_restore_params_dispose(void *parameters)',
    ),
    libxl_domain_restore_params_from_json: bind<(context: Pointer, parameters: Pointer, json: string) => number>(
      'int libxl_domain_restore_params_from_json(void *context, void *parameters, const char *json)',
    ),
    libxl_domain_restore_params_to_json: library.func('libxl_domain_restore_params_to_json', ownedString, [
      'void *',
      'void *',
    ]) as (context: Pointer, parameters: Pointer) => string | null,

    libxl_domain_create_new: blocking<[context: Pointer, config: Pointer, domain: [number], how: Null, console: Null]>(
      'int libxl_domain_create_new(void *context, void *config, _Out_ uint32_t *domain, void *how, void *console)',
    ),
    libxl_domain_create_restore: blocking<
      [
        ...[context: Pointer, config: Pointer, domain: [number], file: number, sendBack: number],
        ...[parameters: Pointer, how: Null, console: Null],
      ]
    >(
      'int libxl_domain_create_restore(void *context, void *config, _Out_ uint32_t *domain, int file, int send_back, void *parameters, void *how, void *console)',
    ),
    libxl_domain_suspend: blocking<[context: Pointer, domain: number, file: number, flags: number, how: Null]>(
      'int libxl_domain_suspend(void *context, uint32_t domain, int file, int flags, void *how)',
    ),
    libxl_domain_resume: blocking<[context: Pointer, domain: number, cancelled: number, how: Null]>(
      'int libxl_domain_resume(void *context, uint32_t domain, int cancelled, void *how)',
    ),
    libxl_domain_unpause: blocking<[context: Pointer, domain: number, how: Null]>(
      'int libxl_domain_unpause(void *context, uint32_t domain, void *how)',
    ),
    libxl_domain_pause: blocking<[context: Pointer, domain: number, how: Null]>(
      'int libxl_domain_pause(void *context, uint32_t domain, void *how)',
    ),
    libxl_domain_destroy: blocking<[context: Pointer, domain: number, how: Null]>(
      'int libxl_domain_destroy(void *context, uint32_t domain, void *how)',
    ),
  };
}

export type LibxlLibrary = ReturnType<typeof loadLibxl>;

function load(file: string): LibraryHandle {
  try {
    return koffi.load(file);
  } catch (error) {
    throw new Refusal({
      kind: 'library-missing',
      file,
      message: error instanceof Error ? error.message : String(error),
    });
  }
}
