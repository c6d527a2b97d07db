/** The flags of the command line that stand for settings; each overrides what the configuration file says. */
export interface StartFlags {
  /** Addresses to answer on. */
  readonly bind?: readonly string[];
  /** The URI for the default backend's connection. */
  readonly connect?: string;
  /** Seconds to wait after a boot. */
  readonly delay?: number;
  /** Upstream servers; `0.0.0.0` turns forwarding off. */
  readonly forwarder?: readonly string[];
  /** The port to answer on. */
  readonly listen?: number;
  /** The stop mode. */
  readonly mode?: string;
  /** The forwarders' port. */
  readonly port?: number;
  /** Where the durable store lies. */
  readonly persistdb?: string;
  /** The uuid of a running Synjitsu. */
  readonly synjitsu?: string;
  /** Seconds. */
  readonly ttl?: number;
  /** The default backend. */
  readonly backend?: string;
  /** Where the control socket lies. */
  readonly control?: string;
  readonly logLevel?: string;
}
