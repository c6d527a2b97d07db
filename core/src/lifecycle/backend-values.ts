import { isIP } from 'node:net';
import { inspect } from 'node:util';
import type { BackendCapabilities, PowerChange, Stray } from '../contracts/backend.js';
import type {
  Execution,
  HeldListener,
  Machine,
  MachineDescription,
  OutdatedDefinition,
  PowerState,
} from '../contracts/machine.js';

const STATES: ReadonlySet<PowerState> = new Set<PowerState>([
  'off',
  'starting',
  'running',
  'paused',
  'suspended',
  'stopping',
  'unknown',
]);

/** The length of a uuid as text. */
const ID_LENGTH = 36;

/** @throws TypeError where the stop modes are no list of strings */
export function checkCapabilities(capabilities: BackendCapabilities): void {
  const stopModes: unknown = (capabilities as BackendCapabilities | undefined | null)?.stopModes;
  if (Array.isArray(stopModes) && stopModes.every((mode) => typeof mode === 'string')) return;
  throw new TypeError(`its stop modes are ${shown(stopModes)}, and no list of strings`);
}

/** @throws TypeError where it is not a machine, or has no uuid */
export function checkMachine(machine: Machine): void {
  checkObject('its machine', machine);
  const { id } = machine as Partial<Machine>;
  // Not a regular expression: a start checks a million of them.
  if (typeof id !== 'string' || id.length !== ID_LENGTH)
    throw new TypeError(`its id is ${shown(id)}, which is no uuid`);
}

/** @throws TypeError where it does not say when something was accepted */
export function checkListener(listener: HeldListener): void {
  checkObject('what listens for it', listener);
  const { untilAccepted } = listener as Partial<HeldListener>;
  if (typeof untilAccepted !== 'function') throw new TypeError('what listens for it has no untilAccepted');
}

/** @throws TypeError for anything but a list of named machines, with IP addresses where they have any */
export function checkStrays(strays: readonly Stray[]): void {
  if (!Array.isArray(strays)) throw new TypeError(`what it tells is ${shown(strays)}, and no list`);
  for (const stray of strays as readonly Stray[]) {
    checkObject('what it tells of', stray);
    checkMachine(stray.machine);
    checkText('name', stray.name);
    if (stray.addresses !== undefined) usableAddresses(stray.addresses);
  }
}

/** @throws TypeError for a value whose type differs from the contract */
export function checkDescription(description: MachineDescription): void {
  checkObject('its description', description);
  const { name, state, domainId, macs, detail, outdated } = description;
  checkState(state);
  checkDomainId(domainId);
  if (macs !== undefined && !(Array.isArray(macs) && macs.every((mac) => typeof mac === 'string'))) {
    throw new TypeError(`its MAC addresses are ${shown(macs)}, and no list of strings`);
  }
  checkText('name', name);
  checkText('detail', detail);
  if (outdated !== undefined) checkOutdated(outdated);
}

function checkOutdated(outdated: OutdatedDefinition): void {
  checkObject('what has changed', outdated);
  const { changed, addresses } = outdated;
  if (typeof changed !== 'string' || changed === '')
    throw new TypeError(`what has changed is ${shown(changed)}, and no text`);
  if (addresses !== undefined) usableAddresses(addresses);
}

/** Addresses that no service has: unspecified ones, those of groups, and the reserved ones up to the broadcast address. */
const NO_HOST = /^(?:0\.|22[4-9]\.|2[345]\d\.|::$|ff)/i;

/**
 * Those of the addresses that a service can have: a guest that has none yet may report 0.0.0.0.
 * @throws TypeError for anything but a list of IP addresses
 */
export function usableAddresses(addresses: readonly string[]): readonly string[] {
  const list: unknown = addresses;
  const isList = Array.isArray(list) && list.every(isAddress);
  if (!isList) throw new TypeError(`its addresses are ${shown(addresses)}, and no list of IP addresses`);
  return addresses.filter((address) => !NO_HOST.test(address));
}

function isAddress(value: unknown): boolean {
  return typeof value === 'string' && isIP(value) > 0;
}

/** @throws TypeError for anything but a list of lines */
export function checkLines(lines: readonly string[]): void {
  if (Array.isArray(lines) && lines.every((line) => typeof line === 'string')) return;
  throw new TypeError(`its output is ${shown(lines)}, and no list of lines`);
}

/** @throws TypeError where a command would run as somebody, or in a place, that nobody has said */
export function checkExecution(execution: Execution | undefined): void {
  if (execution === undefined) return;
  const { cwd, env, account } = execution as Partial<Execution>;
  const { uid = 0, gid = 0 } = account ?? {};
  if (typeof cwd === 'string' && typeof env === 'object' && Number.isInteger(uid) && Number.isInteger(gid)) return;
  throw new TypeError(
    `its way of running commands is ${shown({ cwd, account })}, and no folder, variables and account`,
  );
}

/** @throws TypeError */
export function checkChange(change: PowerChange): void {
  checkObject('the change', change);
  const { id, state, domainId, detail } = change;
  if (typeof id !== 'string') throw new TypeError(`its id is ${shown(id)}`);
  checkState(state);
  checkDomainId(domainId);
  checkText('detail', detail);
}

function checkObject(what: string, value: object): void {
  if (typeof value !== 'object' || (value as object | null) === null)
    throw new TypeError(`${what} is ${shown(value)}, and no object`);
}

function checkState(state: PowerState): void {
  if (!STATES.has(state)) throw new TypeError(`its state is ${shown(state)}, and none of ${[...STATES].join(', ')}`);
}

function checkDomainId(domainId: number | undefined): void {
  if (domainId === undefined || (Number.isSafeInteger(domainId) && domainId > 0)) return;
  throw new TypeError(`its domain id is ${shown(domainId)}, and no positive integer`);
}

function checkText(what: string, text: string | undefined): void {
  if (text !== undefined && typeof text !== 'string') throw new TypeError(`its ${what} is ${shown(text)}, and no text`);
}

function shown(value: unknown): string {
  return inspect(value, { breakLength: Infinity });
}
