import { readRcode } from '../wire/header.js';
import type { ParsedAnswer } from '../wire/message-sections.js';
import type { Upstream } from './upstream.js';
import { UpstreamExchange } from './upstream-exchange.js';
import { ROOT_QUERY } from './upstream-message.js';

/**
 * Finds out whether an upstream takes queries with an OPT record, unless that was found out a moment ago: the same
 * question is asked with one and without. Only where the one without is answered, and the one with an OPT record is not,
 * or otherwise and without an OPT record, and nothing else with one has been answered meanwhile, the upstream counts as
 * one that knows no EDNS. The question is not a client's, who could know a name that is answered only without.
 */
export function checkEdns(upstream: Upstream): void {
  const { quirks, context } = upstream;
  if (!quirks.takeEdnsCheck(context.clock.now())) return;
  let left = 2;
  let refusal: ParsedAnswer | undefined;
  let plain: ParsedAnswer | undefined;
  const end = (): void => {
    left -= 1;
    if (left > 0 || plain === undefined) return;
    if (refusal === undefined || readRcode(refusal.message) !== readRcode(plain.message)) quirks.failedEdnsCheck();
  };
  const ask = (withEdns: boolean, onAnswer: (answer: ParsedAnswer) => void): void => {
    const listener = { onAnswer: (answer: ParsedAnswer) => (onAnswer(answer), end()), onFailure: end };
    new UpstreamExchange(ROOT_QUERY, upstream, listener, false, withEdns).start();
  };
  ask(true, (answer) => (refusal = answer));
  ask(false, (answer) => (plain = answer));
}
