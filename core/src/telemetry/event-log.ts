import type { LifecycleEvent, LifecycleEventKind, WakeCause } from '../contracts/lifecycle-event.js';
import type { Logger } from '../contracts/logger.js';

const warnings: ReadonlySet<LifecycleEventKind> = new Set([
  'failed',
  'unready',
  'died',
  'outdated',
  'stop-failed',
  'lost',
]);

/** Logs one line per lifecycle event, with the whole event in the field `event`. */
export class EventLog {
  constructor(private readonly logger: Logger) {}

  write(event: LifecycleEvent): void {
    const message = `${event.unikernel}: ${describeEvent(event)}`;
    if (warnings.has(event.kind)) this.logger.warn({ event }, message);
    else this.logger.info({ event }, message);
  }
}

/** The event in words, without the unikernel's name: `ready after 84 ms at 10.0.0.9`. */
function describeEvent(event: LifecycleEvent): string {
  const because = event.reason === undefined ? '' : `: ${event.reason}`;
  const after = event.duration === undefined ? '' : ` after ${Math.round(event.duration)} ms`;
  const at = event.addresses.length === 0 ? '' : ` at ${event.addresses.join(', ')}`;
  const number = event.domainId === undefined ? '' : ` as ${event.domainId}`;
  switch (event.kind) {
    case 'summoning':
      return `summoning${event.cause === undefined ? '' : ` ${describeCause(event.cause)}`}`;
    case 'started':
    case 'resumed':
    case 'unpaused':
      return `${event.kind}${number}`;
    case 'ready':
      return `ready${after}${at}`;
    case 'failed':
      return `failed${after}${because}${codeOf(event)}`;
    case 'unready':
      return `not ready any more${because}${codeOf(event)}`;
    case 'adopted':
      return `found running, and adopted${number}`;
    case 'outdated':
      return `runs by an earlier definition${number}${because}`;
    case 'died':
      return `died${because}`;
    case 'kept':
      return `kept${because}`;
    case 'stopping':
      return `stopping${because}`;
    case 'stopped':
      return `stopped${after} (${event.state})`;
    case 'stop-failed':
      return `could not be stopped${because}${codeOf(event)}`;
    case 'lost':
      return `its backend ${event.backend} cannot be asked${because}`;
    case 'returned':
      return `its backend ${event.backend} answers again: ${event.state}`;
    case 'added':
      return `added${at}`;
    case 'changed':
      return `configured in another way${at}`;
    case 'removed':
      return event.state === 'running' ? `removed; it runs on${number}` : 'removed';
  }
}

function describeCause(cause: WakeCause): string {
  if (cause.kind === 'command') return 'by command';
  if (cause.kind === 'need') return `for ${cause.of}, which needs it`;
  if (cause.kind === 'group') return `together with ${cause.of}, which is of its group`;
  if (cause.kind === 'replacement') return 'anew, by its present definition';
  if (cause.kind === 'knock') return `by ${cause.protocol}/${cause.port} from ${cause.from}`;
  return `for ${cause.client}, who asked for ${cause.name} ${cause.type}`;
}

function codeOf({ code }: LifecycleEvent): string {
  return code === undefined ? '' : ` [${code}]`;
}
