import type { ClientRules } from './client-rules.js';

/**
 * What an asker may have of the answers that are at hand: `none` has to take the slow way, where its cookie is looked at
 * and its responses are counted; `given` is answered, and `counted` also keeps alive what it asks for.
 */
export type Admitted = 'none' | 'given' | 'counted';

const LONGEST_ADDRESS = 16;

/**
 * Says what askers may have of hot answers, by their address and transport alone; in any thread, one instance each.
 * Remembers the last one, as an asker seldom comes alone.
 */
export class HotAdmission {
  private readonly last = new Uint8Array(LONGEST_ADDRESS);
  private lastLength = 0;
  private lastOverUdp = false;
  private lastAdmitted: Admitted = 'none';

  constructor(private readonly rules: ClientRules) {}

  /** @param address 4 or 16 bytes */
  of(address: Uint8Array, overUdp: boolean): Admitted {
    if (this.isLast(address, overUdp)) return this.lastAdmitted;
    this.lastAdmitted = this.judge(address, overUdp);
    this.lastOverUdp = overUdp;
    this.lastLength = address.length;
    for (let index = 0; index < address.length; index++) this.last[index] = address[index] as number;
    return this.lastAdmitted;
  }

  private judge(address: Uint8Array, overUdp: boolean): Admitted {
    const { rules } = this;
    // Hot answers say that other names are looked up here, as they do to nearly everybody.
    if (!rules.mayAsk(address) || !rules.mayForward(address)) return 'none';
    if (overUdp && !rules.isExempt(address)) return 'none';
    const proven = !overUdp || rules.needsNoProof(address);
    return proven && rules.mayWake(address) ? 'counted' : 'given';
  }

  private isLast(address: Uint8Array, overUdp: boolean): boolean {
    if (address.length !== this.lastLength || overUdp !== this.lastOverUdp) return false;
    for (let index = 0; index < address.length; index++) if (address[index] !== this.last[index]) return false;
    return true;
  }
}
