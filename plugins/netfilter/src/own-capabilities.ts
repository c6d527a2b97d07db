import { readFileSync } from 'node:fs';

/** capabilities(7): those that this plugin looks at. */
const BITS = { setgid: 6, setuid: 7, setpcap: 8, net_admin: 12, net_raw: 13 };

export type Capability = keyof typeof BITS;

/** The capabilities of this process; none where the system does not tell. */
export function ownCapabilities(status = ownStatus()): ReadonlySet<Capability> {
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  const has = ([, bit]: [string, number]): boolean => ((effective >> BigInt(bit)) & 1n) === 1n;
  return new Set(
    Object.entries(BITS)
      .filter(has)
      .map(([name]) => name as Capability),
  );
}

function ownStatus(): string {
  try {
    return readFileSync('/proc/self/status', 'latin1');
  } catch {
    return '';
  }
}
