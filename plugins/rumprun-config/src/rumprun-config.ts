import {
  CLOCK,
  inject,
  JitsuError,
  LOGGER,
  type BootConfigurator,
  type BootingDomain,
  type Clock,
  type Logger,
  type Registration,
} from '@jitsud/core/plugin';
import { Xenstore, XenstoreError } from '@jitsud/xenstore';
import { readConfigFile, type RumprunConfigText } from './config-file.js';

/** XENSTORE_PAYLOAD_MAX, minus the longest path of the key and the byte that ends it. */
const LONGEST_VALUE = 4096 - '/local/domain/65535/rumprun/cfg\0'.length;

/**
 * Passes rumprun unikernels their configuration: the JSON file that the option `rumprunConfig` names. On Xen a guest
 * finds it in the store, before its first instruction; elsewhere on its kernel's command line. The file is read again
 * for each boot.
 *
 * Errors: `JITSU_UNIKERNEL_INVALID` for the file, `JITSU_BACKEND_UNREACHABLE`, `JITSU_BACKEND_DENIED` and
 * `JITSU_BACKEND_FAILED` for xenstored.
 */
export class RumprunConfig implements BootConfigurator {
  readonly needsRoot = 'xenstore takes what guests read from root alone';

  constructor(
    @inject(CLOCK) private readonly clock: Clock,
    @inject(LOGGER) private readonly logger: Logger,
  ) {}

  async check(unikernel: Registration): Promise<void> {
    const config = await configOf(unikernel);
    if (config !== undefined) textForStore(config, unikernel.name);
  }

  async configure(domain: BootingDomain): Promise<void> {
    const config = await configOf(domain);
    if (config === undefined) return;
    const text = textForStore(config, domain.name);
    await using xenstore = await Xenstore.open({ clock: this.clock, logger: this.logger });
    try {
      await xenstore.write(`/local/domain/${domain.domainId}/rumprun/cfg`, text);
    } catch (error) {
      if (!(error instanceof XenstoreError)) throw error;
      const message = `${domain.name} cannot be given its rumprun configuration: ${error.message}.`;
      throw new JitsuError('JITSU_BACKEND_FAILED', message, { cause: error });
    }
  }

  /** rumprun takes everything from the first brace on as its configuration. */
  async commandLine(unikernel: Registration): Promise<string | undefined> {
    return (await configOf(unikernel))?.compact;
  }
}

async function configOf({
  name,
  options,
}: Pick<Registration, 'name' | 'options'>): Promise<RumprunConfigText | undefined> {
  const { rumprunConfig: file } = options as { readonly rumprunConfig?: string };
  return file === undefined ? undefined : readConfigFile(file, name);
}

/** The text as written, or its compact form where it is too long for one value in the store. */
function textForStore({ text, compact }: RumprunConfigText, name: string): string {
  const fits = [text, compact].find((candidate) => Buffer.byteLength(candidate) <= LONGEST_VALUE);
  if (fits !== undefined) return fits;
  const size = `${Buffer.byteLength(compact)} bytes without its spaces`;
  throw new JitsuError(
    'JITSU_UNIKERNEL_INVALID',
    `rumprun_config of ${name}: ${size}, and xenstore holds ${LONGEST_VALUE} at most. Move a part of it into the image.`,
  );
}
