/** The URL of a pool, and the credentials. */
export interface PoolAddress {
  /** The URI without user and password, for use in messages. */
  readonly url: string;
  readonly user: string;
  readonly password: string | undefined;
}

/** Reads `https://user:password@host:port`; the user is root where absent. Undefined for anything else. */
export function parsePoolAddress(uri: string): PoolAddress | undefined {
  if (!/^https?:\/\//i.test(uri) || !URL.canParse(uri)) return undefined;
  const { protocol, host, pathname, search, hash, username, password } = new URL(uri);
  if (pathname !== '/' || search !== '' || hash !== '') return undefined;
  try {
    return {
      url: `${protocol}//${host}`,
      user: decodeURIComponent(username) || 'root',
      password: password === '' ? undefined : decodeURIComponent(password),
    };
  } catch {
    // A '%' that encodes nothing.
    return undefined;
  }
}
