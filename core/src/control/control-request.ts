import { JitsuError } from '../errors.js';
import type { ControlActions, KeepTime } from './status-report.js';

/** A malformed control request, or one for a path or method that does not exist. */
export class BadControlRequest extends JitsuError {
  constructor(
    readonly httpStatus: 400 | 404 | 405,
    message: string,
  ) {
    super('JITSU_CONTROL_FAILED', message);
  }
}

/**
 * Executes a control request and returns the body of the reply. The requests:
 * `GET /status?unikernel=NAME`, `GET /history?unikernel=NAME&limit=N`, `POST /unikernels/NAME/summon`,
 * `POST /unikernels/NAME/stop?mode=MODE`, `POST /unikernels/NAME/keep?for=2h` or `?until=18:00`, `POST /groups/NAME/summon`, `POST /groups/NAME/stop?mode=MODE`,
 * `POST /flush?name=NAME`.
 *
 * @throws BadControlRequest, and the errors of the action
 */
export async function answerControlRequest(actions: ControlActions, method: string, target: string): Promise<unknown> {
  const url = parseTarget(target);
  const [resource = '', encodedName, action = '', ...rest] = url.pathname.slice(1).split('/');
  const route = rest.length > 0 ? '' : encodedName === undefined ? resource : `${resource}/NAME/${action}`;
  const requireMethod = (expected: string) => {
    if (method !== expected) throw new BadControlRequest(405, `${url.pathname} takes ${expected}, not ${method}.`);
  };
  switch (route) {
    case 'status': {
      requireMethod('GET');
      const name = url.searchParams.get('unikernel');
      return name === null ? actions.status() : actions.statusOf(name);
    }
    case 'history': {
      requireMethod('GET');
      const unikernel = url.searchParams.get('unikernel');
      const limit = parseLimit(url.searchParams.get('limit'));
      return actions.history({ ...(unikernel !== null && { unikernel }), ...(limit !== undefined && { limit }) });
    }
    case 'flush':
      requireMethod('POST');
      return actions.flush(url.searchParams.get('name') ?? undefined);
    case 'unikernels/NAME/summon':
      requireMethod('POST');
      return actions.summon(decodeName(encodedName ?? ''));
    case 'unikernels/NAME/stop':
      requireMethod('POST');
      return actions.stop(decodeName(encodedName ?? ''), url.searchParams.get('mode') ?? undefined);
    case 'unikernels/NAME/keep':
      requireMethod('POST');
      return actions.keep(decodeName(encodedName ?? ''), keepTimeIn(url.searchParams));
    case 'groups/NAME/summon':
      requireMethod('POST');
      return actions.summonGroup(decodeName(encodedName ?? ''));
    case 'groups/NAME/stop':
      requireMethod('POST');
      return actions.stopGroup(decodeName(encodedName ?? ''), url.searchParams.get('mode') ?? undefined);
    default:
      throw new BadControlRequest(404, `There is nothing at ${url.pathname}. This is the control socket of Jitsu.`);
  }
}

function parseTarget(target: string): URL {
  try {
    return new URL(target, 'http://jitsu');
  } catch (error) {
    throw badRequest(`"${target}" is no address.`, error);
  }
}

function decodeName(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch (error) {
    throw badRequest(`"${encoded}" is no percent-encoded name.`, error);
  }
}

function keepTimeIn(parameters: URLSearchParams): KeepTime {
  const [duration, until] = [parameters.get('for'), parameters.get('until')];
  if (duration !== null && until === null) return { for: duration };
  if (until !== null && duration === null) return { until };
  throw badRequest('Either for or until expected.');
}

function parseLimit(text: string | null): number | undefined {
  if (text === null) return undefined;
  const limit = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(limit) || limit === 0) {
    throw badRequest(`limit: '${text}'. A whole number from 1 expected.`);
  }
  return limit;
}

function badRequest(message: string, cause?: unknown): BadControlRequest {
  const error = new BadControlRequest(400, message);
  if (cause !== undefined) error.cause = cause;
  return error;
}
