import { request } from 'node:http';
import { isIP, type Socket } from 'node:net';
import { z } from 'zod';
import type { Clock } from '../contracts/clock.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { ReadinessProbe, ReadinessTarget } from '../contracts/readiness-probe.js';
import { errorMessage } from '../errors.js';
import { endpointText } from '../net/endpoint.js';
import { inject, optionsOf } from '../plugins/injection.js';
import { CLOCK } from '../plugins/tokens.js';
import { connectUntil } from './connect-until.js';
import { pollUntil } from '../plugin-kit/poll-until.js';
import { tcpPort } from './tcp-probe.js';

const EXPECTED =
  "A port and a path expected, such as '8080/healthz', or '//www.example.org:8080/healthz' with a Host header; the accepted statuses may follow, as in '8080/healthz 200-299 401'.";

interface StatusRange {
  readonly from: number;
  readonly to: number;
}

/** What a probe asks for, and which answers it takes. */
export interface HttpQuestion {
  readonly port: number;
  readonly path: string;
  /** The host of the Host header and of the server name in TLS; absent for the address. */
  readonly host?: string;
  /** 200 to 399 where absent. */
  readonly statuses?: readonly StatusRange[];
}

const OK: readonly StatusRange[] = [{ from: 200, to: 399 }];

/** The words behind `http:` or `https:`. @param usualPort of a question with a host and no port */
function httpQuestion(usualPort: number): z.ZodType<HttpQuestion, string> {
  return z.string({ error: EXPECTED }).transform((text, context): HttpQuestion => {
    const [place = '', ...words] = text.trim().split(/ +/);
    const [, host, portOfHost, portAlone, path = '/'] =
      /^(?:\/\/([a-z0-9._-]+)(?::(\d+))?|(\d+))(\/[^\s#]*)?$/i.exec(place) ?? [];
    const port = tcpPort.safeParse(portOfHost ?? portAlone ?? (host === undefined ? undefined : usualPort));
    const statuses = words.map(statusRange);
    if (port.success && statuses.every((range) => range !== undefined)) {
      return { port: port.data, path, ...(host && { host }), ...(statuses.length > 0 && { statuses }) };
    }
    context.addIssue(EXPECTED);
    return z.NEVER;
  });
}

/** `204`, `200-299`. */
function statusRange(word: string): StatusRange | undefined {
  const [, from, to = from] = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(word) ?? [];
  return from === undefined || Number(from) > Number(to) ? undefined : { from: Number(from), to: Number(to) };
}

/** `8080/healthz`, `//www.example.org/healthz 200-299`; the path defaults to `/`. */
export const plainQuestion = httpQuestion(80);
/** The same for HTTPS. */
export const secureQuestion = httpQuestion(443);

/** How long a server may take to respond on an accepted connection before the request is repeated. */
const RESPONSE_TIMEOUT: Milliseconds = 10_000;

/**
 * Ready when `GET` of a path returns a status that is accepted, 200 to 399 unless told otherwise, on each of the
 * addresses: `ready=http:8080/healthz`, `ready=http://www.example.org:8080/healthz 200-299`.
 */
export class HttpProbe implements ReadinessProbe {
  protected readonly usualPort: number = 80;

  constructor(
    @inject(optionsOf(plainQuestion)) private readonly question: HttpQuestion,
    @inject(CLOCK) private readonly clock: Clock,
  ) {}

  get port(): number {
    return this.question.port;
  }

  async untilReady({ addresses, report }: ReadinessTarget, signal: AbortSignal): Promise<void> {
    const answers = (address: string): Promise<boolean> => this.#answers(address, signal, report);
    await Promise.all(addresses.map((address) => pollUntil(() => answers(address), this.clock, signal)));
  }

  /** The connection over which HTTP is spoken, on one that stands. */
  protected secured(socket: Socket, _host: string): Socket | Promise<Socket> {
    return socket;
  }

  async #answers(address: string, signal: AbortSignal, report: ReadinessTarget['report']): Promise<boolean> {
    const { port, statuses = OK, host = '' } = this.question;
    const at = endpointText({ address, port });
    const plain = await connectUntil(address, port, this.clock, signal, { report });
    const patience = new AbortController();
    using _timer = this.clock.after(RESPONSE_TIMEOUT, () => {
      patience.abort(new Error(`nothing within ${RESPONSE_TIMEOUT / 1_000} s`));
    });
    // The handshake of TLS ends by this, too.
    const enough = AbortSignal.any([signal, patience.signal]);
    enough.addEventListener('abort', () => plain.destroy(), { once: true });
    try {
      // The request does not report a connection that was closed before it was attached.
      const cut = new Promise<never>((_resolve, reject) => {
        const closed = (): void => reject(new Error('it closed the connection'));
        plain.on('close', closed);
        if (plain.destroyed) closed();
      });
      const socket = await Promise.race([this.secured(plain, host), cut]);
      const status = await Promise.race([this.#status(address, socket, enough), cut]);
      if (statuses.some(({ from, to }) => from <= status && status <= to)) return true;
      report?.(`${at} answered with status ${status}`);
    } catch (error) {
      // A reset, truncated or slow response means "not yet", and the poll continues.
      const reason: unknown = patience.signal.aborted ? patience.signal.reason : error;
      if (!signal.aborted) report?.(`${at} takes connections and gives no answer: ${errorMessage(reason)}`);
    } finally {
      plain.destroy();
    }
    return false;
  }

  #status(address: string, socket: Socket, signal: AbortSignal): Promise<number> {
    const { port, path, host } = this.question;
    const name = host ?? (isIP(address) === 6 ? `[${address}]` : address);
    return new Promise<number>((resolve, reject) => {
      const get = request({
        host: address,
        port,
        path,
        headers: {
          host: port === this.usualPort ? name : `${name}:${port}`,
          'user-agent': 'jitsu',
          connection: 'close',
        },
        createConnection: () => socket,
        signal,
      });
      get.on('response', (response) => {
        response.on('error', reject);
        resolve(response.statusCode ?? 0);
      });
      get.on('error', reject);
      get.end();
    });
  }
}

/**
 * The same over TLS: `ready=https:8443/healthz`, `ready=https://www.example.org/`. The certificate is not checked: this
 * finds out whether the service answers, not who it is, and nothing is told to it.
 */
export class HttpsProbe extends HttpProbe {
  protected override readonly usualPort = 443;

  constructor(@inject(optionsOf(secureQuestion)) question: HttpQuestion, @inject(CLOCK) clock: Clock) {
    super(question, clock);
  }

  protected override async secured(socket: Socket, host: string): Promise<Socket> {
    // Loaded only where there is such a probe.
    const { connect } = await import('node:tls');
    const servername = isIP(host) === 0 ? host : '';
    const secure = connect({ socket, servername, rejectUnauthorized: false });
    await new Promise<void>((resolve, reject) => secure.once('secureConnect', resolve).on('error', reject));
    return secure;
  }
}
