import { interfacesOf, macsOf } from '../domain-xml.js';
import { refuse } from './call-failure.js';
import { UUID_BUFFER_LENGTH, type LibvirtLibrary, type Pointer } from './libvirt-library.js';

/**
 * The silence in seconds after which libvirt sends a keep-alive, and the number of unanswered ones that end a
 * connection.
 */
const KEEP_ALIVE = { seconds: 2, count: 3 };

/** VIR_DOMAIN_EVENT_ID_LIFECYCLE. */
const LIFECYCLE_EVENTS = 0;

/** VIR_ERR_NO_SUPPORT: the hypervisor's driver does not have this function. */
const NO_SUPPORT = 3;

/** The size of virDomainInterfaceStatsStruct, and where it has the packets. */
const { INTERFACE_STATS, RECEIVED, SENT } = { INTERFACE_STATS: 64, RECEIVED: 8, SENT: 40 };

export interface OpenConnection {
  readonly pointer: Pointer;
  /** Absent where the driver has no events. */
  readonly eventRegistration?: number;
}

export interface DomainIdentity {
  readonly uuid: string;
  readonly name: string;
}

export interface DomainCondition {
  /** virDomainState. */
  readonly state: number;
  /** A reason of that state: virDomainShutoffReason and so on. */
  readonly reason: number;
}

export interface DomainFacts extends DomainIdentity, DomainCondition {
  /** Absent while it does not run. */
  readonly domainId?: number;
  readonly macs: readonly string[];
}

/** The operations of a worker thread; each blocks, and throws a Refusal where libvirt refuses. */
export function libvirtOperations(library: LibvirtLibrary) {
  const checked = (result: number, connection: Pointer): void => {
    if (result < 0) refuse(library, connection);
  };

  /** Domains are looked up for each operation: a handle would outlive a domain that is defined again. */
  const withDomain = <T>(connection: Pointer, uuid: string, use: (domain: Pointer) => T): T => {
    const domain = library.virDomainLookupByUUIDString(connection, uuid) ?? refuse(library, connection);
    try {
      return use(domain);
    } finally {
      library.virDomainFree(domain);
    }
  };

  const action =
    (act: (domain: Pointer) => number) =>
    (connection: Pointer, uuid: string): void =>
      withDomain(connection, uuid, (domain) => checked(act(domain), connection));

  const identify = (connection: Pointer, domain: Pointer): DomainIdentity => {
    const buffer = Buffer.alloc(UUID_BUFFER_LENGTH);
    checked(library.virDomainGetUUIDString(domain, buffer), connection);
    const name = library.virDomainGetName(domain) ?? refuse(library, connection);
    return { uuid: buffer.toString('latin1', 0, UUID_BUFFER_LENGTH - 1), name };
  };

  const identifyAndFree = (connection: Pointer, domain: Pointer | null): DomainIdentity => {
    if (domain === null) refuse(library, connection);
    try {
      return identify(connection, domain);
    } finally {
      library.virDomainFree(domain);
    }
  };

  const conditionOf = (connection: Pointer, domain: Pointer): DomainCondition => {
    const state: [number] = [0];
    const reason: [number] = [0];
    checked(library.virDomainGetState(domain, state, reason, 0), connection);
    return { state: state[0], reason: reason[0] };
  };

  /** The number of the event registration, or undefined where the driver has no events. */
  const registerEvents = (connection: Pointer, callback: Pointer): number | undefined => {
    const registration = library.virConnectDomainEventRegisterAny(
      ...([connection, null, LIFECYCLE_EVENTS, callback, null, null] as const),
    );
    if (registration >= 0) return registration;
    if (library.lastError()?.code === NO_SUPPORT) return undefined;
    return refuse(library, connection);
  };

  return {
    /** @param lifecycle the address of the event loop's callback */
    open(uri: string, lifecycle: Pointer): OpenConnection {
      const pointer = library.virConnectOpen(uri) ?? refuse(library);
      try {
        // Drivers within this process have no other side, and refuse this.
        library.virConnectSetKeepAlive(pointer, KEEP_ALIVE.seconds, KEEP_ALIVE.count);
        const eventRegistration = registerEvents(pointer, lifecycle);
        return { pointer, ...(eventRegistration !== undefined && { eventRegistration }) };
      } catch (error) {
        library.virConnectClose(pointer);
        throw error;
      }
    },

    /** Returns how many references to the connection remain: 0, unless there is a leak. */
    close({ pointer, eventRegistration }: OpenConnection): number {
      // On a dead connection this fails, which does not matter.
      if (eventRegistration !== undefined) library.virConnectDomainEventDeregisterAny(pointer, eventRegistration);
      return library.virConnectClose(pointer);
    },

    findByUuid: (connection: Pointer, uuid: string): DomainIdentity =>
      identifyAndFree(connection, library.virDomainLookupByUUIDString(connection, uuid)),

    findByName: (connection: Pointer, name: string): DomainIdentity =>
      identifyAndFree(connection, library.virDomainLookupByName(connection, name)),

    define: (connection: Pointer, xml: string): DomainIdentity =>
      identifyAndFree(connection, library.virDomainDefineXML(connection, xml)),

    state: (connection: Pointer, uuid: string): DomainCondition =>
      withDomain(connection, uuid, (domain) => conditionOf(connection, domain)),

    describe: (connection: Pointer, uuid: string): DomainFacts =>
      withDomain(connection, uuid, (domain) => {
        const condition = conditionOf(connection, domain);
        const xml = library.virDomainGetXMLDesc(domain, 0) ?? refuse(library, connection);
        const domainId = library.virDomainGetID(domain);
        const runs = domainId !== 0xffff_ffff;
        return {
          ...{ ...identify(connection, domain), ...condition, macs: macsOf(xml) },
          ...(runs && { domainId }),
        };
      }),

    /** The packets that its interfaces have received and sent since it was started. */
    packets: (connection: Pointer, uuid: string): number =>
      withDomain(connection, uuid, (domain) => {
        const xml = library.virDomainGetXMLDesc(domain, 0) ?? refuse(library, connection);
        let sum = 0;
        for (const device of interfacesOf(xml)) {
          const stats = Buffer.alloc(INTERFACE_STATS);
          checked(library.virDomainInterfaceStats(domain, device, stats, stats.length), connection);
          // What a driver does not know is -1.
          for (const at of [RECEIVED, SENT]) sum += Math.max(0, Number(stats.readBigInt64LE(at)));
        }
        return sum;
      }),

    create: action(library.virDomainCreate),
    destroy: action(library.virDomainDestroy),
    shutdown: action(library.virDomainShutdown),
    suspend: action(library.virDomainSuspend),
    resume: action(library.virDomainResume),
    wakeUp: action((domain) => library.virDomainPMWakeup(domain, 0)),
    managedSave: action((domain) => library.virDomainManagedSave(domain, 0)),
  };
}

export type Operations = ReturnType<typeof libvirtOperations>;

/** Operations on one domain of a connection. */
export type DomainOperation = Exclude<keyof Operations, 'open' | 'close'>;
