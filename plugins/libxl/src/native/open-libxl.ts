import { Refusal } from './call-failure.js';
import { loadC, type Pointer } from './c-library.js';
import { ErrorLog } from './error-log.js';
import { loadLibxl } from './libxl-library.js';
import { libxlOperations, type Operations } from './operations.js';
import { Structure } from './structure.js';
import { checkVersion, runningXen } from './xen-version.js';

/** An xentoollog_level: errors are logged, warnings are not. */
const ERRORS_ONLY = 8;

/**
 * All members of a configuration that this plugin sets, so that a libxl that does not know one of them is found out at
 * once.
 */
const PROBE = {
  c_info: { type: 'pv', name: 'probe', uuid: '00112233-4455-8677-8899-aabbccddeeff', run_hotplug_scripts: 'True' },
  b_info: {
    ...{ max_vcpus: 3, avail_vcpus: [0, 1, 2], max_memkb: 65_537, target_memkb: 65_536 },
    ...{ kernel: '/kernel', ramdisk: '/ramdisk', cmdline: 'console=hvc0', 'type.pv': {} },
  },
  nics: [{ devid: 1, mac: '00:16:3e:01:02:03', bridge: 'bridge', script: 'script' }],
  disks: [{ pdev_path: '/disk', vdev: 'xvda', format: 'raw', readwrite: 1 }],
};

export interface OpenLibxl {
  /** The version of the hypervisor and its libxl, as 4.17. */
  readonly version: string;
  readonly operations: Operations;
  close(): void;
}

/**
 * Opens the running hypervisor's libxl, once it is certain that this plugin can call it.
 * @throws Refusal `library-missing`, `unfit`, `refused`
 */
export async function openLibxl(): Promise<OpenLibxl> {
  const xen = runningXen();
  checkVersion(xen);
  const library = loadLibxl(xen);
  const c = loadC();
  const structures = {
    config: new Structure(
      'libxl_domain_config',
      ...([c, library.libxl_domain_config_init, library.libxl_domain_config_dispose] as const),
    ),
    info: new Structure('libxl_dominfo', c, library.libxl_dominfo_init, library.libxl_dominfo_dispose),
    restoreParameters: new Structure(
      'libxl_domain_restore_params',
      ...([c, library.libxl_domain_restore_params_init, library.libxl_domain_restore_params_dispose] as const),
    ),
  };
  const log = new ErrorLog(c);
  const logger = library.xtl_createlogger_stdiostream(log.stream, ERRORS_ONLY, 0);
  if (logger === null) throw new Error('no logger for libxl can be made');

  const context = allocateContext(library, logger, log);
  checkHypervisor(library, context, xen);
  const operations = libxlOperations(library, { c, context }, structures, log);
  await operations.check(JSON.stringify(PROBE));
  return { version: `${xen.major}.${xen.minor}`, operations, close: () => library.libxl_ctx_free(context) };
}

type Library = ReturnType<typeof loadLibxl>;

function allocateContext(library: Library, logger: Pointer, log: ErrorLog): Pointer {
  const end = log.begin();
  const context: [Pointer | null] = [null];
  const result = library.libxl_ctx_alloc(context, 0, 0, logger);
  const lines = end();
  if (result === 0 && context[0] !== null) return context[0];
  const code = library.libxl_error_to_string(result) ?? String(result);
  throw new Refusal({ kind: 'refused', code: `ERROR_${code.toUpperCase()}`, log: lines });
}

/** Checks that libxl and the kernel report the same hypervisor. */
function checkHypervisor(library: Library, context: Pointer, { major, minor }: { major: number; minor: number }): void {
  const info = library.libxl_get_version_info(context);
  const json = info === null ? null : library.libxl_version_info_to_json(context, info);
  const told = JSON.parse(json ?? '{}') as { xen_version_major?: number; xen_version_minor?: number };
  if (told.xen_version_major === major && told.xen_version_minor === minor) return;
  const message = `libxl speaks to Xen ${told.xen_version_major}.${told.xen_version_minor}, and the kernel to ${major}.${minor}`;
  throw new Refusal({ kind: 'unfit', message });
}
