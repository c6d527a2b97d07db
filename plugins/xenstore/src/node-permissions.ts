import { MalformedMessage } from './malformed-message.js';
import { decodeStrings } from './payload.js';

/** What a domain may do with a node. */
export type Access = 'none' | 'read' | 'write' | 'both';

/** The permissions of a node. Its owner, and domain 0, may do anything. */
export interface NodePermissions {
  /** A domain id. */
  readonly owner: number;
  /** The access of domains without a grant. */
  readonly others: Access;
  readonly grants: readonly { readonly domainId: number; readonly access: Access }[];
}

const LETTERS: Readonly<Record<Access, string>> = { none: 'n', read: 'r', write: 'w', both: 'b' };
const ACCESSES = Object.fromEntries(Object.entries(LETTERS).map(([access, letter]) => [letter, access as Access]));

/** The first entry names the owner and, by its letter, the access of all others. */
export function encodePermissions({ owner, others, grants }: NodePermissions): string[] {
  return [`${LETTERS[others]}${owner}`, ...grants.map(({ access, domainId }) => `${LETTERS[access]}${domainId}`)];
}

/** @throws MalformedMessage */
export function decodePermissions(payload: Buffer): NodePermissions {
  const [first, ...grants] = decodeStrings(payload).map((text) => {
    const [, letter = '', digits] = /^([nrwb])(\d{1,5})$/.exec(text) ?? [];
    const access = ACCESSES[letter];
    if (access === undefined) throw new MalformedMessage(`${JSON.stringify(text.slice(0, 40))} for a permission`);
    return { domainId: Number(digits), access };
  });
  if (first === undefined) throw new MalformedMessage('a node without an owner');
  return { owner: first.domainId, others: first.access, grants };
}
