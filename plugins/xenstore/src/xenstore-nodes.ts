import type { Request } from './connection.js';
import { decodeDirectoryPart, decodeNames } from './directory-part.js';
import { MessageType } from './message-type.js';
import { checkNodePath } from './node-path.js';
import { decodePermissions, encodePermissions, type NodePermissions } from './node-permissions.js';
import { decodeAcknowledgement, encodeStrings } from './payload.js';
import { XenstoreError } from './xenstore-error.js';

/** In bytes: more names than any node of a real host has. */
const LONGEST_DIRECTORY = 4 * 2 ** 20;

/** How often a list of children that changes while it is read is read again. */
const DIRECTORY_ATTEMPTS = 10;

/**
 * Operations on the nodes of a store, within a transaction or without one. Paths are absolute.
 *
 * Every method rejects with a `XenstoreError` for what xenstored refuses, and with `JITSU_BACKEND_UNREACHABLE`, at
 * once, while the connection is lost.
 */
export abstract class XenstoreNodes {
  /** The value of a node, read as UTF-8. */
  async read(path: string): Promise<string> {
    return (await this.readBytes(path)).toString();
  }

  readBytes(path: string): Promise<Buffer> {
    return this.#ask(MessageType.read, 'read', path, (payload) => Buffer.from(payload));
  }

  /** Whether the node exists. */
  async exists(path: string): Promise<boolean> {
    try {
      await this.readBytes(path);
      return true;
    } catch (error) {
      if (error instanceof XenstoreError && error.code === 'ENOENT') return false;
      throw error;
    }
  }

  /** Sets the value of a node, which is created where it does not exist, as are its parents. */
  async write(path: string, value: string | Uint8Array): Promise<void> {
    checkNodePath(path, 'write');
    const bytes = typeof value === 'string' ? Buffer.from(value) : value;
    const payload = Buffer.concat([encodeStrings(path), bytes]);
    await this.send({ type: MessageType.write, action: `write ${path}`, payload, decode: decodeAcknowledgement });
  }

  /** Creates a node, and its parents, with empty values; existing ones stay unchanged. */
  mkdir(path: string): Promise<void> {
    return this.#ask(MessageType.mkdir, 'make', path, decodeAcknowledgement);
  }

  /** Removes a node and all nodes below it; without effect where only the node itself does not exist. */
  rm(path: string): Promise<void> {
    return this.#ask(MessageType.rm, 'remove', path, decodeAcknowledgement);
  }

  /** The names of a node's children, in the order of the store, for any number of children. */
  async directory(path: string): Promise<readonly string[]> {
    try {
      return await this.#ask(MessageType.directory, 'list', path, decodeNames);
    } catch (error) {
      if (!(error instanceof XenstoreError) || error.code !== 'E2BIG') throw error;
      return this.#longDirectory(path, error);
    }
  }

  getPermissions(path: string): Promise<NodePermissions> {
    return this.#ask(MessageType.getPermissions, 'tell the permissions of', path, decodePermissions);
  }

  async setPermissions(path: string, permissions: NodePermissions): Promise<void> {
    const verb = 'set the permissions of';
    checkNodePath(path, verb);
    const payload = encodeStrings(path, ...encodePermissions(permissions));
    const type = MessageType.setPermissions;
    await this.send({ type, action: `${verb} ${path}`, payload, decode: decodeAcknowledgement });
  }

  protected abstract send<T>(request: Request<T>): Promise<T>;

  async #ask<T>(
    type: number,
    verb: string,
    path: string,
    decode: (payload: Buffer) => T,
    ...parameters: readonly string[]
  ): Promise<T> {
    checkNodePath(path, verb);
    return this.send({ type, action: `${verb} ${path}`, payload: encodeStrings(path, ...parameters), decode });
  }

  /** Parts of two generations do not fit together: then the list is read again. */
  async #longDirectory(path: string, tooLong: XenstoreError): Promise<readonly string[]> {
    for (let attempt = 1; attempt <= DIRECTORY_ATTEMPTS; attempt += 1) {
      const names = await this.#directoryInParts(path, tooLong);
      if (names) return names;
    }
    throw new XenstoreError('EAGAIN', `list ${path}`, 'its children change faster than they can be listed');
  }

  async #directoryInParts(path: string, tooLong: XenstoreError): Promise<readonly string[] | undefined> {
    const names: string[] = [];
    let generation: string | undefined;
    for (let offset = 0; offset <= LONGEST_DIRECTORY;) {
      const part = await this.#ask(MessageType.directoryPart, 'list', path, decodeDirectoryPart, String(offset));
      generation ??= part.generation;
      if (generation !== part.generation) return undefined;
      names.push(...part.names);
      if (part.isLast) return names;
      offset += part.names.reduce((length, name) => length + Buffer.byteLength(name) + 1, 0);
    }
    throw tooLong;
  }
}
