/** The part of the package xen-api 4.7 that is used here; it has no types of its own. */
declare module 'xen-api' {
  import { EventEmitter } from 'node:events';
  import type { Dispatcher } from 'undici';

  interface XapiSettings {
    /** Without user and password, which would appear in its errors. */
    readonly url: string;
    readonly auth: { readonly user: string; readonly password: string };
    readonly watchEvents: false;
    readonly callConcurrency: number;
    /** In milliseconds; 0 stands for no limit. */
    readonly callTimeout: (method: string) => number;
    readonly roCallRetryOptions: { readonly tries: number };
  }

  interface PoolUrl {
    readonly protocol: string;
    hostname: string;
    readonly port: string | undefined;
  }

  export class Xapi extends EventEmitter {
    constructor(settings: XapiSettings);
    /** Throws where there is none. */
    readonly sessionId: string;
    readonly pool: { readonly $ref: string; readonly uuid: string };
    connect(): Promise<void>;
    disconnect(): Promise<void>;
    /** The session's reference is inserted before the parameters. */
    call(method: string, ...parameters: readonly unknown[]): Promise<unknown>;

    protected _undiciDispatcher: Dispatcher;
    protected _url: PoolUrl;
    protected _setUrl(url: PoolUrl): void;
    protected _sessionCallRetryOptions: { delay?: number };
    protected _sessionOpenRetryOptions: { delay?: number };
  }
}
