import { z, type ZodObject, type ZodType } from 'zod';
import type { ReadinessProbe } from '../contracts/readiness-probe.js';
import type { ServicePort, UseRules } from '../contracts/service-endpoints.js';
import type { StopMode } from '../contracts/machine.js';
import type { StopPolicy } from '../contracts/stop-policy.js';
import type { Contributions } from '../plugins/contributions.js';
import { TextIndex } from '../collections/text-index.js';
import { endpointText } from '../net/endpoint.js';
import { backendKeys, backendsWith } from './backends-with.js';
import type { ConnectionSettings } from './contributed-settings.js';
import type { CheckedConfig } from './config.js';
import type { ConfigProblem, ProblemList } from './config-problems.js';
import { nearestWord } from './expectation.js';
import { KeywiseReader } from './keywise-reader.js';
import { needProblems, type Needing } from './need-problems.js';
import { checkOptions } from './option-check.js';
import { check, schemaProblems } from './schema-problems.js';
import { NO_RELAYS, relayedPorts, type RelayedPort } from './relay.js';
import { FASTEST, stopModeProblem } from './stop.js';
import type { OtherUnikernels, UnikernelSettings } from './settings.js';
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
  /** Whether its backend has names, and whether it needs one. */
  readonly named: 'needed' | 'possible' | 'no';
  readonly stopModes: readonly StopMode[] | undefined;
  /** The mode of unikernels that have none of their own. */
  readonly stopMode: StopMode;
}

/** When a unikernel is answered for, and what wakes it. */
type WakeParts = Pick<UnikernelSettings, 'answersAtOnce' | 'wakesOn'>;

/** The parsed options, and the name that was put in where none was given. */
interface ReadOptions {
  readonly options: unknown;
  readonly name?: string | undefined;
}

const NO_WORDS: readonly string[] = [];
const NO_PORTS: readonly ServicePort[] = [];

/** Stands in for a name whose mistake has been reported, so that it is not reported again as missing. */
const ANY_NAME = 'name';

/** Reads unikernels one by one and adds their problems to the list. */
export class UnikernelReader {
  readonly #probes: WordedReader<ReadinessProbe>;
  readonly #policies: WordedReader<StopPolicy>;
  readonly #defaultPolicies: readonly Worded<StopPolicy>[];
  readonly #entryByName = new TextIndex<UnikernelEntry>();
  readonly #needing: Needing[] = [];
  /** One of each group. */
  readonly #groups = new Map<string, UnikernelEntry>();
  readonly #rules = new Map<string, UseRules>();
  /** The entries that relay, by protocol, address and port. */
  readonly #relayOwners = new Map<string, UnikernelEntry>();
  /** Those for which a backend listens, likewise. */
  readonly #listenOwners = new Map<string, UnikernelEntry>();
  /** The backends that do not support `stop.mode`. */
  readonly #refusedMode = new Set<string>();
  /** Why those that are answered at once are refused, where all have that in common. */
  readonly #refusedAtOnce = new Set<string>();
  readonly #isBackendChosen: boolean;
  /** The backends that were most likely meant by unikernels that name none. */
  readonly #meantBackends = new Set<string>();
  readonly #readings = new Map<string, Reading>();
  /** The keys that plugins add. */
  readonly #added: ZodObject['shape'];
  readonly #addedNames: readonly string[];
  #latestAdded = NO_KEYS;
  /** The added keys that stand for a readiness probe, each with the probe's name. */
  readonly #probeKeys: readonly (readonly [key: string, probe: string])[];
  /** All keys that are not options of a backend. */
  readonly #commonKeys: ReadonlySet<string>;

  /**
   * @param missingKeys keys of plugins that cannot be loaded; they are not checked
   * @param isBackendChosen whether the configuration says which backend is the usual one
   */
  constructor(
    private readonly config: CheckedConfig,
    private readonly connections: ReadonlyMap<string, ConnectionSettings>,
    private readonly contributions: Contributions,
    private readonly problems: ProblemList,
    { missingKeys, isBackendChosen }: { missingKeys: ReadonlySet<string>; isBackendChosen: boolean },
  ) {
    this.#isBackendChosen = isBackendChosen;
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
    const read = this.#options(entry, reading, common);
    const stopMode = common.mode ?? reading.stopMode;
    if (stopMode !== FASTEST && reading.stopModes?.includes(stopMode) === false)
      this.#refuseMode(entry, backend, stopMode, reading.stopModes);
    const relays = this.#relays(entry, common);
    if (read !== undefined) this.#checkListeners(entry, read.options, common);
    const ready = this.#ready(entry, common, relays);
    if (common.watch !== undefined && ready.length === 0) this.#refuseWatch(entry);
    const stopPolicies = this.#stopPolicies(entry, common);
    const name = common.name ?? read?.name ?? textIn(entry.values, 'uuid') ?? common.dns?.[0];
    if (name !== undefined) this.#claimName(name, entry);
    const needs = common.needs?.length ? common.needs : undefined;
    if (name !== undefined && needs !== undefined)
      this.#needing.push({ name, needs, pathOf: this.#indexed(entry, 'needs') });
    if (common.group !== undefined) this.#groups.set(common.group, entry);
    if (name === undefined || !isWhole || read === undefined) return undefined;

    const { boot, dns, stop } = this.config;
    return {
      name,
      names: common.dns ?? NO_WORDS,
      addresses: common.ip ?? NO_WORDS,
      ttl: common.ttl ?? dns.ttl,
      backend,
      options: read.options,
      stopMode,
      replace: common.replace ?? stop.replace,
      ready,
      // A probe replaces the default pause, but not a pause that the unikernel sets.
      delay: common.responseDelay ?? (common.ready?.length || relays.some(isTcp) ? 0 : boot.delay),
      deadline: common.deadline ?? boot.deadline,
      grace: common.grace ?? stop.grace,
      watch: common.watch,
      stopPolicies,
      ...this.#wake(entry, common, relays.length > 0 || this.#canHold(entry, read.options)),
      awake: common.awake,
      keepWhile: common.keepWhile,
      ports: common.ports ?? NO_PORTS,
      useRules: this.#useRules(common),
      relays,
      addedKeys: this.#addedKeys(common),
      needs,
      group: common.group,
      https: common.https ?? NO_RECORDS,
      svcb: common.svcb ?? NO_RECORDS,
    };
  }

  /**
   * Reports what is wrong with the names in needs and groups, once all unikernels are read.
   * @param others unikernels that were read before
   */
  checkRelations(others?: OtherUnikernels): void {
    const own = this.#entryByName;
    const names =
      others === undefined
        ? own
        : {
            has: (name: string) => own.has(name) || others.has(name),
            keys: () => [...own.keys(), ...others.names()],
          };
    this.problems.add(...needProblems([...this.#needing, ...(others?.needing ?? [])], names));
    for (const [group, entry] of this.#groups) {
      if (!names.has(group)) continue;
      const expected =
        'The name of a group that no unikernel has expected: `jitsu summon` and `jitsu stop` take either, and would not know which.';
      this.problems.addValue(entry.pathOf(['group']), group, expected);
    }
    for (const name of others === undefined ? [] : own.keys()) {
      if (others?.hasGroup(name) !== true) continue;
      const expected = 'A name that no group has expected: `jitsu summon` and `jitsu stop` take either.';
      this.problems.addValue((own.get(name) as UnikernelEntry).pathOf(['name']), name, expected);
    }
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

  /** The options of the backend, with the first DNS name as the name where it needs one and none is given. */
  #options(entry: UnikernelEntry, reading: Reading, { name, dns }: CheckedParts): ReadOptions | undefined {
    const { options: reader, optionsSchema: schema, named } = reading;
    // The unknown backend has been reported already.
    if (schema === undefined || reader === undefined) return undefined;
    const { values } = entry;
    const isNameless = values['name'] === undefined;
    const stated = name === values['name'] && !(isNameless && named === 'needed') ? reader.read(values) : undefined;
    if (stated !== undefined) return { options: stated };
    const dnsName = isNameless && named !== 'no' ? dns?.[0] : undefined;
    const completed = dnsName === undefined ? undefined : reader.read({ ...values, name: dnsName });
    if (completed !== undefined) return { options: completed, name: dnsName };

    const own = Object.fromEntries(Object.entries(values).filter(([key]) => !this.#commonKeys.has(key)));
    if (this.#reportOtherBackend(entry, Object.keys(own), schema)) return undefined;
    // A name that is wrong, or would be made of a wrong DNS name, has been reported already.
    if (named !== 'no') own['name'] = name ?? dnsName ?? ANY_NAME;
    const pathOf = (path: readonly PropertyKey[]): string => entry.pathOf(path);
    const adviceOn = (key: string): string | undefined => this.#adviceOn(key, entry, schema);
    const { isWords: areText } = entry;
    const checked = checkOptions({ schema, values: own, pathOf, areText, otherKeys: this.#commonKeys, adviceOn });
    if ('options' in checked) return { options: checked.options, name: dnsName };
    this.problems.add(...checked.problems);
    return undefined;
  }

  /**
   * Where a unikernel names no backend and has keys of another one than the usual, that is its only mistake, as far as
   * anybody can tell. It is reported once for all unikernels with those of the same backend.
   */
  #reportOtherBackend(entry: UnikernelEntry, keys: readonly string[], schema: ZodObject): boolean {
    if (entry.values['backend'] !== undefined || this.#isBackendChosen) return false;
    const foreign = keys.filter((key) => !Object.hasOwn(schema.shape, key));
    const [meant] = backendsWith(foreign, this.contributions);
    if (meant === undefined) return false;
    const [key = ''] = foreign.filter((candidate) => backendsWith([candidate], this.contributions).includes(meant));
    const usual = this.config.backend;
    if (!this.#meantBackends.has(meant) || entry.isWords) {
      this.#meantBackends.add(meant);
      const expected = `A key of the backend ${meant}, not of ${usual}: ${namingOf(meant, entry.isWords)}.`;
      this.problems.addValue(entry.pathOf([key]), entry.values[key], expected);
    }
    return true;
  }

  /** Advice on a key that a backend lacks, where there is more to say than that. */
  #adviceOn(key: string, entry: UnikernelEntry, schema: ZodObject): string | undefined {
    const backend = backendOf(entry, this.config);
    const foreign = this.connections.get(backend)?.contribution.foreignKeys ?? {};
    if (Object.hasOwn(foreign, key)) return foreign[key];
    const isNear = nearestWord(key, [...Object.keys(schema.shape), ...this.#commonKeys]) !== undefined;
    const meant = isNear ? key : (nearestWord(key, backendKeys(this.contributions)) ?? key);
    const owners = backendsWith([meant], this.contributions);
    const [owner] = owners;
    if (owner === undefined) return undefined;
    const isNamed = entry.values['backend'] !== undefined;
    if (meant !== key) return `No such key; '${meant}' is one of the backend ${owner}.`;
    return `No key of the backend ${backend}, but of ${owners.join(' and ')}: ${namingOf(owner, entry.isWords && !isNamed)}.`;
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
      const named = namingIn(optionsSchema);
      reading = { commonSchema, common, optionsSchema, options, named, stopModes, stopMode };
      this.#readings.set(backend, reading);
    }
    return reading;
  }

  #ready(
    entry: UnikernelEntry,
    common: CheckedParts,
    relays: readonly RelayedPort[],
  ): readonly Worded<ReadinessProbe>[] {
    const probes = this.#probes.read(common.ready ?? NO_WORDS, this.#indexed(entry, 'ready'), this.#report);
    let all = probes;
    // Without any other probe, what is relayed to must listen: a connection would be refused otherwise.
    const targets = common.ready === undefined ? new Set(relays.filter(isTcp).map(({ to }) => to.port)) : [];
    for (const port of targets) {
      all = this.#probes.with(all, `tcp:${port}`, () => entry.pathOf(['relay']), this.#report);
    }
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

  /** Unikernels with the same rules share one object. */
  #useRules({ traffic = {} }: CheckedParts): UseRules {
    const { traffic: usual, wake } = this.config;
    const idle = traffic.idle ?? usual.idle;
    const outgoing = (traffic.outgoing ?? usual.outgoing) === 'keep';
    const key = `${String(idle)} ${String(outgoing)}`;
    let rules = this.#rules.get(key);
    rules ??= { idle, outgoing, conntrack: usual.conntrack, ignored: wake.deny };
    this.#rules.set(key, rules);
    return rules;
  }

  #relays(entry: UnikernelEntry, { relay, ip = NO_WORDS }: CheckedParts): readonly RelayedPort[] {
    if (relay === undefined) return NO_RELAYS;
    const ports = relayedPorts(relay, ip);
    const refuse = (expected: string): void => {
      this.problems.addValue(entry.pathOf(['relay']), entry.values['relay'], expected);
    };
    if (typeof ports === 'string') {
      refuse(ports);
      return NO_RELAYS;
    }
    for (const { protocol, listen } of ports) {
      const at = `${protocol} ${endpointText(listen)}`;
      const [owner, listener] = [this.#relayOwners.get(at), this.#listenOwners.get(at)];
      if (owner !== undefined) refuse(`Another port or address expected: ${at} is relayed to ${owner.origin} already.`);
      else if (listener !== undefined) refuse(listenedAt(at, listener));
      else this.#relayOwners.set(at, entry);
    }
    return ports;
  }

  /** Where its backend listens for it, nothing can be relayed as well, and no backend can listen for another one. */
  #checkListeners(entry: UnikernelEntry, options: unknown, { ip = NO_WORDS }: CheckedParts): void {
    const backend = backendOf(entry, this.config);
    const refuse = (key: string, expected: string): void => {
      this.problems.addValue(entry.pathOf([key]), entry.values[key], expected);
    };
    for (const place of this.connections.get(backend)?.contribution.listens?.(options, ip) ?? []) {
      const at = `${place.protocol} ${endpointText(place)}`;
      const [relay, listener] = [this.#relayOwners.get(at), this.#listenOwners.get(at)];
      if (relay === entry)
        refuse('relay', `Another port or address expected: the backend ${backend} listens at ${at} for it itself.`);
      else if (relay !== undefined)
        refuse('listen', `Another port or address expected: ${at} is relayed to ${relay.origin} already.`);
      else if (listener !== undefined) refuse('listen', listenedAt(at, listener));
      else this.#listenOwners.set(at, entry);
    }
  }

  /** Whether something is configured that can hold first packets for it, as far as the configuration tells. */
  #canHold(entry: UnikernelEntry, options: unknown): boolean {
    if (Object.keys(this.config.doormen).length > 0) return true;
    return this.connections.get(backendOf(entry, this.config))?.contribution.holds?.(options) === true;
  }

  #unheld(entry: UnikernelEntry): string {
    const contribution = this.connections.get(backendOf(entry, this.config))?.contribution;
    const own = contribution?.listens === undefined ? '`relay`' : '`listen` or `relay`';
    return `Nothing here would hold the first packets of its clients until it is ready: give it ${own}, or name something that does under \`doormen\``;
  }

  /** When it is answered for, and what wakes it; refuses what would be a promise that nobody keeps. */
  #wake(entry: UnikernelEntry, { wake: own = {}, ip }: CheckedParts, canHold: boolean): WakeParts {
    const { wake: usual } = this.config;
    // One that is answered for when it is ready has to be woken by the question.
    const wakesOn = own.on ?? (own.answer === 'ready' ? 'query' : usual.on);
    const answersAtOnce = wakesOn === 'connection' || (own.answer ?? usual.answer) === 'at-once';
    if (own.answer === 'ready' && wakesOn === 'connection') {
      const expected =
        "With on: 'connection', no question boots it, and each is answered at once: leave one of the two out.";
      this.problems.addValue(entry.pathOf(['wake', 'answer']), 'ready', expected);
    }
    if (answersAtOnce) {
      const [key, value] = wakesOn === 'connection' ? ['on', wakesOn] : ['answer', 'at-once'];
      const isOwn = key === 'on' ? own.on !== undefined : own.answer !== undefined;
      const path = isOwn ? entry.pathOf(['wake', key]) : `wake.${key}`;
      const refuse = (why: string): void => {
        // What all have in common is refused once, not for each of them.
        if (!isOwn && this.#refusedAtOnce.has(why)) return;
        if (!isOwn) this.#refusedAtOnce.add(why);
        const whose = isOwn ? '' : `, as for ${entry.origin}`;
        this.problems.addValue(path, value, `${why}${whose}.`);
      };
      if (ip === undefined) refuse('It is answered at once only where its address is configured: give it `ip`');
      if (!canHold) refuse(this.#unheld(entry));
    }
    return { answersAtOnce, wakesOn };
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

function isTcp({ protocol }: RelayedPort): boolean {
  return protocol === 'tcp';
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

function namingIn(schema: ZodObject | undefined): Reading['named'] {
  const name = schema?.shape['name'] as ZodType | undefined;
  if (name === undefined) return 'no';
  return z.safeParse(name, undefined).success ? 'possible' : 'needed';
}

/** How to name a backend for a unikernel, as advice. */
export function namingOf(backend: string, isInWords: boolean): string {
  return isInWords ? `add -x ${backend}, or backend=${backend} to the words` : `add backend: '${backend}'`;
}

function textIn(values: Readonly<Record<string, unknown>>, key: string): string | undefined {
  const value = values[key];
  return typeof value === 'string' ? value : undefined;
}

function listenedAt(at: string, { origin }: UnikernelEntry): string {
  return `Another port or address expected: ${at} is listened at for ${origin} already.`;
}
