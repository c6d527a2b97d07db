declare module 'dns-packet/types.js' {
  /** 0 for a name that it does not know. */
  export function toType(name: string): number;
  /** `UNKNOWN_64` for a number that it does not know. */
  export function toString(type: number): string | null;
}
