import type { MachineId } from '@jitsud/core/plugin';
import type { DomainConfig } from './domain-config.js';
import type { DomainInfo } from './domain-info.js';
import type { Finding } from './saved-memory.js';

/** What a guest is made of. */
export interface GuestPlan {
  readonly id: MachineId;
  readonly name: string;
  readonly config: DomainConfig;
}

/** The same for a guest of which nothing can change any more. */
export interface FixedPlan extends GuestPlan {
  /** What boot configurators append to its kernel's command line. */
  readonly words?: string;
}

/** An existing domain, in any state. */
export interface FoundDomain {
  readonly domainId: number;
  readonly info: DomainInfo;
}

/**
 * The domain of one unikernel: single steps, of which the caller takes one at a time. All of them reject with
 * `JITSU_BACKEND_FAILED` and `JITSU_BACKEND_UNREACHABLE`.
 */
export interface Guest {
  find(): Promise<FoundDomain | undefined>;
  /** The MAC addresses of its network interfaces, in their order. */
  macs(domainId: number): Promise<readonly string[]>;
  /** What is known about its saved memory. */
  savedMemory(): Promise<Finding>;
  /** Removes its saved memory, if there is some. */
  forgetMemory(): Promise<void>;
  /** Creates it, paused; returns its domain id. `words` are appended to its kernel's command line. */
  create(words: string | undefined): Promise<number>;
  /** Creates it from its saved memory, which is removed, and unpauses it. */
  restore(): Promise<void>;
  pause(domainId: number): Promise<void>;
  unpause(domainId: number): Promise<void>;
  /** Asks it to power off. */
  powerOff(domainId: number): Promise<void>;
  /** Saves its memory, and ends it. Rejects with the signal's reason when that aborts before the save has begun. */
  save(domainId: number, signal: AbortSignal): Promise<void>;
  /** Destroys the domain; it may be gone already. */
  destroy(domainId: number): Promise<void>;
}
