/** The requests that are not use of a service, as `relay.ignore` has them. */
export interface IgnoreRules {
  /** Paths without a query, as they are in requests; `*` at the end stands for anything. */
  readonly paths: readonly string[];
  /** Parts of user agents, in any case. */
  readonly userAgents: readonly string[];
}

/** The most bytes of a request line and its headers that are looked at. */
const LONGEST_HEAD = 8_192;

const REQUEST_LINE = /^[A-Z]{1,20} (\S+) HTTP\/1\.[01]$/;

/** The first bytes that a request may have, while its method is not over. */
const METHOD_BEGINS = /^[A-Z]{1,20}( |$)/;

/** Said to those who ask for a service that does not run, and are not to wake it (RFC 9110, 15.6.4). */
export const UNAVAILABLE = Buffer.from(
  [
    'HTTP/1.1 503 Service Unavailable',
    'Cache-Control: no-store',
    'Retry-After: 60',
    'Content-Length: 0',
    'Connection: close',
    '\r\n',
  ].join('\r\n'),
  'latin1',
);

/**
 * Finds out from the first bytes of a connection whether its first request is to be ignored. What is no HTTP, or has no
 * end within 8 KiB, is not.
 */
export class RequestHead {
  #text = '';

  constructor(private readonly rules: IgnoreRules) {}

  /** @returns `undefined` while more bytes are needed */
  isIgnored(chunk: Uint8Array): boolean | undefined {
    const room = LONGEST_HEAD - this.#text.length;
    this.#text += Buffer.from(chunk.buffer, chunk.byteOffset, Math.min(room, chunk.length)).toString('latin1');
    if (!METHOD_BEGINS.test(this.#text.slice(0, 21))) return false;
    const end = this.#text.indexOf('\r\n\r\n');
    if (end >= 0) return this.#matches(this.#text.slice(0, end).split('\r\n'));
    return this.#text.length >= LONGEST_HEAD ? false : undefined;
  }

  #matches([line = '', ...headers]: readonly string[]): boolean {
    const [, target] = REQUEST_LINE.exec(line) ?? [];
    if (target === undefined) return false;
    const path = pathOf(target);
    if (this.rules.paths.some((rule) => (rule.endsWith('*') ? path.startsWith(rule.slice(0, -1)) : path === rule))) {
      return true;
    }
    if (this.rules.userAgents.length === 0) return false;
    const agent = headers.find((header) => /^user-agent:/i.test(header))?.toLowerCase();
    const value = agent?.slice(agent.indexOf(':') + 1) ?? '';
    return this.rules.userAgents.some((part) => value.includes(part.toLowerCase()));
  }
}

/** Of a target in origin-form or absolute-form (RFC 9112, 3.2). */
function pathOf(target: string): string {
  const [, path = ''] = /^(?:https?:\/\/[^/?#]*)?([^?#]*)/i.exec(target) ?? [];
  return path === '' ? '/' : path;
}
