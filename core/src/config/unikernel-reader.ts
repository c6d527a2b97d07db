import type { z, ZodObject } from 'zod';
import type { ReadinessProbe } from '../contracts/readiness-probe.js';
import type { StopMode } from '../contracts/machine.js';
import type { StopPolicy } from '../contracts/stop-policy.js';
import type { Contributions } from '../plugins/contributions.js';
import { knownPlugins } from '../plugins/known-plugins.js';
import { TextIndex } from '../collections/text-index.js';
import type { ConnectionSettings } from './contributed-settings.js';
import type { CheckedConfig } from './config.js';
import type { ConfigProblem, ProblemList } from './config-problems.js';
import { KeywiseReader } from './keywise-reader.js';
import { checkOptions } from './option-check.js';
import { check, schemaProblems } from './schema-problems.js';
import { stopModeProblem } from './stop.js';
import type { UnikernelSettings } from './settings.js';
import { addedKeys, addresslessSchema, COMMON_KEYS, unikernelSchema } from './unikernel.js';
import type { UnikernelEntry } from './unikernel-entries.js';
import { WordedReader, type Worded } from './worded-reader.js';

/** Shared by all unikernels without records, to save memory. */
const NO_RECORDS: readonly Uint8Array[] = [];

const partsSchema = unikernelSchema.partial();
const NO_KEYS: Readonly<Record<string, unknown>> = {};

/** The valid common keys. */
type CheckedParts = z.output<typeof partsSchema> & Readonly<Record<string, unknown>>;

/** The schemas and readers for the unikernels of one connection. */
interface Reading {
  readonly commonSchema: ZodObject;
  readonly common: KeywiseReader<CheckedParts>;
  /** The schema of its backend's options; `undefined` for an unknown backend, whose options cannot be checked. */
  readonly optionsSchema: ZodObject | undefined;
  readonly options: KeywiseReader<unknown> | undefined;
  readonly stopModes: readonly StopMode[] | undefined;
  /** The mode of unikernels that have none of their own. */
  readonly stopMode: StopMode;
}

const NO_WORDS: readonly string[] = [];

/** Reads unikernels one by one and adds their problems to the list. */
export class UnikernelReader {
  readonly #probes: WordedReader<ReadinessProbe>;
  readonly #policies: WordedReader<StopPolicy>;
  readonly #defaultPolicies: readonly Worded<StopPolicy>[];
  readonly #entryByName = new TextIndex<UnikernelEntry>();
  /** The backends that do not support `stop.mode`. */
  readonly #refusedMode = new Set<string>();
  readonly #readings = new Map<string, Reading>();
  /** The keys that plugins add. */
  readonly #added: ZodObject['shape'];
  readonly #addedNames: readonly string[];
  #latestAdded = NO_KEYS;
  /** The added keys that stand for a readiness probe, each with the probe's name. */
  readonly #probeKeys: readonly (readonly [key: string, probe: string])[];
  /** All keys that are not options of a backend. */
  readonly #commonKeys: ReadonlySet<string>;

  /** @param missingKeys keys of plugins that cannot be loaded; they are not checked */
  constructor(
    private readonly config: CheckedConfig,
    private readonly connections: ReadonlyMap<string, ConnectionSettings>,
    private readonly contributions: Contributions,
    private readonly problems: ProblemList,
    missingKeys: ReadonlySet<string>,
  ) {
    this.#added = addedKeys(contributions);
    this.#addedNames = Object.keys(this.#added);
    this.#probeKeys = contributions.unikernelKeys.flatMap(({ probes = {} }) => Object.entries(probes));
    this.#commonKeys = new Set([...COMMON_KEYS, ...this.#addedNames, ...missingKeys]);
    this.#probes = new WordedReader(contributions.readinessProbes);
    this.#policies = new WordedReader(contributions.stopPolicies);
    this.#defaultPolicies = this.#policies.read(
      config.stop.policies,
      (index) => `stop.policies[${String(index)}]`,
      this.#report,
    );
  }

  /** @returns the settings, or `undefined` if a problem prevents them */
  read(entry: UnikernelEntry): UnikernelSettings | undefined {
    for (const key of entry.repeated) {
      this.problems.add({
        path: `${entry.origin}.${key}`,
        given: `both ${key} and its other spelling`,
        expected: 'One of the two expected.',
      });
    }
    const backend = backendOf(entry, this.config);
    const reading = this.#readingOf(backend);
    const { common, isWhole } = this.#common(entry, reading);
    const options = this.#options(entry, reading, common.name);
    const stopMode = common.mode ?? reading.stopMode;
    if (reading.stopModes?.includes(stopMode) === false) this.#refuseMode(entry, backend, stopMode, reading.stopModes);
    const ready = this.#ready(entry, common);
    if (common.watch !== undefined && ready.length === 0) this.#refuseWatch(entry);
    const stopPolicies = this.#stopPolicies(entry, common);
    const name = common.name ?? textIn(entry.values, 'uuid') ?? common.dns?.[0];
    if (name !== undefined) this.#claimName(name, entry);
    if (name === undefined || !isWhole || options === undefined) return undefined;

    const { boot, dns, stop } = this.config;
    return {
      name,
      names: common.dns ?? NO_WORDS,
      addresses: common.ip ?? NO_WORDS,
      ttl: common.ttl ?? dns.ttl,
      backend,
      options,
      stopMode,
      ready,
      // A probe replaces the default pause, but not a pause that the unikernel sets.
      delay: common.responseDelay ?? (common.ready?.length ? 0 : boot.delay),
      deadline: common.deadline ?? boot.deadline,
      grace: common.grace ?? stop.grace,
      watch: common.watch,
      stopPolicies,
      addedKeys: this.#addedKeys(common),
      https: common.https ?? NO_RECORDS,
      svcb: common.svcb ?? NO_RECORDS,
    };
  }

  readonly #report = (problem: ConfigProblem): void => {
    this.problems.add(problem);
  };

  /** Reads the common keys; the valid ones even if others are not, so that these are checked further. */
  #common(entry: UnikernelEntry, reading: Reading): { readonly common: CheckedParts; readonly isWhole: boolean } {
    const common = reading.common.read(entry.values);
    if (common !== undefined) return { common, isWhole: true };
    const checked = check<CheckedParts>(reading.commonSchema, entry.values);
    if (checked.success) return { common: checked.data, isWhole: true };
    this.problems.add(...schemaProblems(checked.issues, entry.values, (path) => entry.pathOf(path)));
    const wrong = new Set(checked.issues.map(({ path: [key] }) => key));
    const right = Object.fromEntries(Object.entries(entry.values).filter(([key]) => !wrong.has(key)));
    const rest = check<CheckedParts>(partsSchema.extend(this.#added).partial(), right);
    return { common: rest.success ? rest.data : {}, isWhole: false };
  }

  #options(entry: UnikernelEntry, reading: Reading, name: string | undefined): unknown {
    const { options, optionsSchema: schema } = reading;
    // The unknown backend has been reported already.
    if (schema === undefined) return undefined;
    const read = name === entry.values['name'] ? options?.read(entry.values) : undefined;
    if (read !== undefined) return read;
    const values = Object.fromEntries(Object.entries(entry.values).filter(([key]) => !this.#commonKeys.has(key)));
    if (name !== undefined && 'name' in schema.shape) values['name'] = name;
    const pathOf = (path: readonly PropertyKey[]): string => entry.pathOf(path);
    const adviceOn = (key: string): string | undefined => this.#ownerOf(key, backendOf(entry, this.config));
    const { isWords: areText } = entry;
    const checked = checkOptions({ schema, values, pathOf, areText, otherKeys: this.#commonKeys, adviceOn });
    if ('options' in checked) return checked.options;
    this.problems.add(...checked.problems);
    return undefined;
  }

  /** Advice on a key that the backend lacks and another one has: most likely `backend` was forgotten. */
  #ownerOf(key: string, backend: string): string | undefined {
    const registered = this.contributions.backends.all().filter(({ unikernel }) => key in unikernel.shape);
    const known = knownPlugins().plugins.filter(({ optionKeys = [] }) => optionKeys.includes(key));
    const owners = [
      ...new Set([...registered.map(({ name }) => name), ...known.flatMap(({ manifest }) => manifest.backends ?? [])]),
    ];
    const [owner] = owners;
    if (owner === undefined) return undefined;
    return `No key of the backend ${backend}, but of ${owners.join(' and ')}: add backend: '${owner}'.`;
  }

  #readingOf(backend: string): Reading {
    let reading = this.#readings.get(backend);
    if (reading === undefined) {
      const contribution = this.connections.get(backend)?.contribution;
      const commonSchema: ZodObject = (contribution?.findsAddresses ? addresslessSchema : unikernelSchema).extend(
        this.#added,
      );
      const optionsSchema = contribution?.unikernel;
      const common = new KeywiseReader<CheckedParts>(commonSchema, (key) => !this.#commonKeys.has(key));
      const options = optionsSchema && optionsReader(optionsSchema, this.#commonKeys);
      const { stopModes, defaultStopMode = 'destroy' } = contribution ?? {};
      const stopMode = this.config.stop.mode ?? defaultStopMode;
      reading = { commonSchema, common, optionsSchema, options, stopModes, stopMode };
      this.#readings.set(backend, reading);
    }
    return reading;
  }

  #ready(entry: UnikernelEntry, common: CheckedParts): readonly Worded<ReadinessProbe>[] {
    const probes = this.#probes.read(common.ready ?? NO_WORDS, this.#indexed(entry, 'ready'), this.#report);
    let all = probes;
    for (const [key, probe] of this.#probeKeys) {
      const argument = common[key] as string | number | undefined;
      if (argument === undefined) continue;
      all = this.#probes.with(all, `${probe}:${argument}`, () => entry.pathOf([key]), this.#report);
    }
    return all;
  }

  /** The added keys' values; consecutive unikernels with the same values share one object. */
  #addedKeys(common: CheckedParts): Readonly<Record<string, unknown>> {
    const names = this.#addedNames;
    if (names.every((name) => common[name] === this.#latestAdded[name])) return this.#latestAdded;
    const values = names.filter((name) => common[name] !== undefined).map((name) => [name, common[name]] as const);
    this.#latestAdded = values.length === 0 ? NO_KEYS : Object.fromEntries(values);
    return this.#latestAdded;
  }

  #stopPolicies(entry: UnikernelEntry, { stopPolicies }: CheckedParts): readonly Worded<StopPolicy>[] {
    if (stopPolicies === undefined) return this.#defaultPolicies;
    return this.#policies.read(stopPolicies, this.#indexed(entry, 'stopPolicies'), this.#report);
  }

  #indexed(entry: UnikernelEntry, key: string): (index: number) => string {
    return (index) => entry.pathOf(Array.isArray(entry.values[key]) ? [key, index] : [key]);
  }

  #refuseMode(entry: UnikernelEntry, backend: string, mode: StopMode, supported: readonly StopMode[]): void {
    const isOwn = 'mode' in entry.values;
    // The common mode is refused once for a backend, not for each of its unikernels.
    if (!isOwn && this.#refusedMode.has(backend)) return;
    if (!isOwn) this.#refusedMode.add(backend);
    this.problems.add(stopModeProblem(isOwn ? entry.pathOf(['mode']) : 'stop.mode', mode, backend, supported));
  }

  #refuseWatch(entry: UnikernelEntry): void {
    const expected = "One under `ready` expected, such as 'tcp:80'.";
    this.problems.add({ path: entry.pathOf(['watch']), given: 'no probe to look by', expected });
  }

  #claimName(name: string, entry: UnikernelEntry): void {
    const other = this.#entryByName.add(name, entry);
    if (other === undefined) return;
    const expected = `Already the name of ${other.origin}; give each unikernel a name of its own.`;
    this.problems.add({ path: entry.pathOf(['name']), given: `'${name}'`, expected });
  }
}

/** The name of the connection that an entry uses. */
export function backendOf(entry: UnikernelEntry, config: Pick<CheckedConfig, 'backend'>): string {
  const { backend } = entry.values;
  return typeof backend === 'string' && backend !== '' ? backend : config.backend;
}

/** Reads a backend's options. Of the common keys, only `name` may be an option too, if the backend's schema has it. */
function optionsReader(schema: ZodObject, commonKeys: ReadonlySet<string>): KeywiseReader<unknown> {
  const isOption = (key: string): boolean => !commonKeys.has(key) || (key === 'name' && key in schema.shape);
  return new KeywiseReader(schema, (key) => !isOption(key));
}

function textIn(values: Readonly<Record<string, unknown>>, key: string): string | undefined {
  const value = values[key];
  return typeof value === 'string' ? value : undefined;
}
