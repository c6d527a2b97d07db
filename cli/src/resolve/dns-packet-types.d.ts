declare module 'dns-packet/types.js' {
  /** Returns 0 for an unknown name. */
  export function toType(name: string): number;
  /** Returns `UNKNOWN_64` for an unknown number. */
  export function toString(type: number): string | null;
}
