import type { DnsAnswer, DnsQuery } from '../../contracts/resolver.js';
import { JitsuError } from '../../errors.js';
import { readRcode } from '../wire/header.js';
import type { LaidOutAnswer } from '../wire/message-sections.js';
import { Rcode } from '../wire/dns-parameters.js';
import { Follower } from './abort-followers.js';
import type { Upstream } from './upstream.js';
import { UpstreamExchange, type Asker } from './upstream-exchange.js';

/** Rcodes by which a server says that another one may know better. */
const UNHELPFUL: readonly number[] = [Rcode.ServerFailure, Rcode.NotImplemented, Rcode.Refused];

/** How a forwarded query ends. */
export interface Ending {
  resolve(answer: DnsAnswer): void;
  reject(reason: Error): void;
}

/** One query on its way: asks one upstream after the other until one of them helps. */
export class Forwarding extends Follower implements Asker {
  private next = 0;
  private exchange: UpstreamExchange | undefined;
  private unhelpful: LaidOutAnswer | undefined;
  private readonly failures: string[] = [];

  constructor(
    private readonly query: DnsQuery,
    private readonly upstreams: readonly Upstream[],
    private readonly ending: Ending,
    private readonly onEnd: (forwarding: Forwarding) => void,
  ) {
    super();
  }

  start(): void {
    this.askNext();
  }

  answered(reply: LaidOutAnswer): void {
    if (!UNHELPFUL.includes(readRcode(reply.message))) return this.end(reply);
    this.unhelpful ??= reply;
    this.askNext();
  }

  failed(reason: Error): void {
    this.failures.push(`${this.upstreams[this.next - 1]?.text ?? ''}: ${reason.message}`);
    this.askNext();
  }

  /** Ends at once, for this reason. */
  abort(reason: Error): void {
    this.exchange?.cancel();
    this.onEnd(this);
    this.ending.reject(reason);
  }

  private askNext(): void {
    const upstream = this.upstreams[this.next];
    if (upstream === undefined) return this.end(this.unhelpful);
    this.next += 1;
    this.exchange = new UpstreamExchange(this.query, upstream, this);
    this.exchange.start();
  }

  private end(reply: LaidOutAnswer | undefined): void {
    this.onEnd(this);
    if (reply !== undefined) return this.ending.resolve(reply);
    const why =
      this.failures.length > 0 ? this.failures.join('; ') : 'no upstream is known but ourselves. Set one: -f ADDRESS';
    this.ending.reject(new JitsuError('JITSU_FORWARD_FAILED', `no upstream answered: ${why}`));
  }
}
