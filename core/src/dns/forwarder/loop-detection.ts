import type { Clock } from '../../contracts/clock.js';
import type { Logger } from '../../contracts/logger.js';
import type { Milliseconds } from '../../contracts/milliseconds.js';
import type { DnsAnswer, DnsClient, DnsQuery } from '../../contracts/resolver.js';
import { ExtendedErrorCode, Rcode, RecordClass, RecordType } from '../wire/dns-parameters.js';
import { encodeName, parentName } from '../wire/domain-name.js';
import { HEADER_LENGTH } from '../wire/header.js';
import type { RandomSource } from './random-source.js';
import type { Upstream } from './upstream.js';
import { UpstreamExchange } from './upstream-exchange.js';

/** The time after which a loop that is met again is looked for again. */
const LOOP_LIFE: Milliseconds = 60_000;

/** The time between two looks at one domain, also after one that was not answered; and the most looks at once. */
const PAUSE: Milliseconds = 10_000;
const SHORT_PAUSE: Milliseconds = 200;
const MOST_PROBES = 16;

/** The most domains that are remembered, with loops and without. */
const MOST_DOMAINS = 1_000;

/** The random letters of a name that nobody else asks for: 26^20 are as many as 94 bits have. */
const LETTERS = 20;

const CAME_BACK: DnsAnswer = {
  rcode: Rcode.Refused,
  extendedError: { code: ExtendedErrorCode.NotAuthoritative, text: 'this server has asked that itself: a loop' },
};

/** What is known of one domain at one upstream. */
interface Finding {
  readonly upstream: Upstream;
  readonly domain: string;
  isLoop: boolean;
  lookedAt: Milliseconds;
}

interface LoopDependencies {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: RandomSource;
  /** Called when a loop was found that was not known. */
  readonly onLoop: (upstream: Upstream, domain: string) => void;
}

/**
 * Finds upstreams that ask us for the names that we ask them for, be it through others. A question of ours that comes
 * back cannot be told from a client's: on the way its id, case and EDNS options may be replaced, and a server that
 * waits for us already does not even send it. So upstreams that are suspected are asked for a name in the same domain
 * that nobody else can know. Where that comes back, the domain is a loop there, and is not asked for.
 */
export class LoopDetection {
  private readonly findings = new Map<string, Finding>();
  /** By the names that were asked for. */
  private readonly probes = new Map<string, Finding>();
  private loops = 0;

  constructor(private readonly deps: LoopDependencies) {}

  /** Whether an upstream asks us for names in the domain of this one. */
  isLoop(upstream: Upstream, name: string): boolean {
    if (this.loops === 0) return false;
    for (let domain = parentName(name); domain !== undefined; domain = parentName(domain)) {
      const finding = this.findings.get(keyOf(upstream, domain));
      if (finding?.isLoop !== true) continue;
      if (this.deps.clock.now() - finding.lookedAt >= LOOP_LIFE) this.ask(finding);
      return true;
    }
    return false;
  }

  /** Looks whether an upstream asks us for names in this domain. Those that are far away do not. */
  look(upstream: Upstream, domain: string | undefined): void {
    if (domain === undefined || !upstream.isNear) return;
    const key = keyOf(upstream, domain);
    let finding = this.findings.get(key);
    if (finding === undefined) {
      finding = { upstream, domain, isLoop: false, lookedAt: -Infinity };
      this.findings.set(key, finding);
      if (this.findings.size > MOST_DOMAINS) this.forgetOldest();
    }
    if (this.deps.clock.now() - finding.lookedAt >= PAUSE) this.ask(finding);
  }

  /** The answer to a query that was asked for here, and has come back; `undefined` for any other. */
  answerTo({ name, client }: DnsQuery): DnsAnswer | undefined {
    const finding = this.probes.size === 0 ? undefined : this.probes.get(name);
    if (finding === undefined) return undefined;
    this.probes.delete(name);
    if (!finding.isLoop) this.found(finding, client);
    return CAME_BACK;
  }

  private ask(finding: Finding): void {
    const { random, clock } = this.deps;
    const { upstream, domain } = finding;
    if (this.probes.size >= MOST_PROBES) return;
    finding.lookedAt = clock.now();
    const label = Array.from({ length: LETTERS }, () => String.fromCharCode(0x61 + random.below(26))).join('');
    const query = queryFor(domain === '' ? label : `${label}.${domain}`);
    if (query === undefined) return;
    this.probes.set(query.name, finding);
    const end = (): void => {
      // It has come back where it is not among them any more.
      if (!this.probes.delete(query.name) || !finding.isLoop) return;
      finding.isLoop = false;
      this.loops -= 1;
    };
    const onFailure = (): void => {
      finding.lookedAt = clock.now() - PAUSE + SHORT_PAUSE;
      end();
    };
    new UpstreamExchange(query, upstream, { onAnswer: end, onFailure }, false).start();
  }

  private found(finding: Finding, client: DnsClient): void {
    const { upstream, domain } = finding;
    if (this.findings.get(keyOf(upstream, domain)) !== finding) return;
    finding.isLoop = true;
    this.loops += 1;
    const what = `the upstream ${upstream.text} asks Jitsu for ${domainText(domain)} that Jitsu asks it for`;
    const cure = 'Give it other servers for them, or Jitsu other upstreams (-f ADDRESS)';
    const zone = domain === '' ? '' : `, or mark the domain as a zone that is authoritative (dns.zones)`;
    this.deps.logger.warn(
      { upstream: upstream.text, domain, client: client.address },
      `${what}: a loop. ${cure}${zone}.`,
    );
    this.deps.onLoop(upstream, domain);
  }

  private forgetOldest(): void {
    const [key, finding] = this.findings.entries().next().value as [string, Finding];
    this.findings.delete(key);
    if (finding.isLoop) this.loops -= 1;
    finding.isLoop = false;
  }
}

/** Why a query was not sent to an upstream. */
export function loopError(): Error {
  return new Error('it asks Jitsu itself for such names, which is a loop');
}

function keyOf({ text }: Upstream, domain: string): string {
  return `${text} ${domain}`;
}

function domainText(domain: string): string {
  return domain === '' ? 'the names' : `the names below ${domain}`;
}

/** A query of type TXT, which wakes nothing; `undefined` where the name is too long. */
function queryFor(name: string): DnsQuery | undefined {
  let encoded: Uint8Array;
  try {
    encoded = encodeName(name);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
  const end = HEADER_LENGTH + encoded.length;
  const message = new Uint8Array(end + 4);
  message.set(encoded, HEADER_LENGTH);
  message.set([0, RecordType.TXT, 0, RecordClass.IN], end);
  return {
    ...{ name, type: RecordType.TXT, class: RecordClass.IN, recursionDesired: true, authenticData: false },
    ...{ checkingDisabled: false, proven: true, client: { address: '', port: 0, transport: 'inject' }, message },
  };
}
