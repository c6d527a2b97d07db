import { readFileSync } from 'node:fs';

interface Message {
  readonly params: readonly { readonly name: string; readonly type: string; readonly optional?: boolean }[];
  readonly result: string;
  readonly errors: readonly string[];
}

interface ModelClass {
  readonly fields: Readonly<Record<string, string>>;
  readonly enums: Readonly<Record<string, readonly string[]>>;
  readonly messages: Readonly<Record<string, Message>>;
}

export type ModelRecord = Record<string, unknown>;

const FILE = new URL('../../../support/xapi/data-model.json', import.meta.url);
const { classes } = JSON.parse(readFileSync(FILE, 'utf8')) as { classes: Readonly<Record<string, ModelClass>> };

const ENUMS = new Map(Object.values(classes).flatMap(({ enums }) => Object.entries(enums)));

/** Part of a subset of XenAPI that xen-api itself asks for, and that belongs to XML-RPC rather than to the model. */
const INTROSPECTION = 'system.listMethods';

/** What is wrong with a call by the data model: its class, its message, the number and the types of its parameters. */
export function wrongWithCall(method: string, parameters: readonly unknown[]): string | undefined {
  if (method === INTROSPECTION) return parameters.length === 0 ? undefined : `${method} takes no parameters`;
  const message = messageOf(method);
  if (!message) return `there is no message ${method}`;
  const needed = message.params.filter(({ optional }) => !optional).length;
  if (parameters.length < needed || parameters.length > message.params.length) {
    return `${method} takes ${needed} parameters, not ${parameters.length}`;
  }
  for (const [index, value] of parameters.entries()) {
    const { name, type } = message.params[index]!;
    const wrong = wrongWith(type, value);
    if (wrong !== undefined) return `${method}: ${name}: ${wrong}`;
  }
  return undefined;
}

/** What is wrong with the result of a call. */
export function wrongWithResult(method: string, result: unknown): string | undefined {
  const type = messageOf(method)?.result;
  const wrong = type === undefined ? undefined : wrongWith(type, result);
  return wrong === undefined ? undefined : `the result of ${method}: ${wrong}`;
}

/**
 * What XAPI raises without the model listing it: for any call, and what a guest or a host makes of a change of power.
 * Taken from XenAPI's documentation of error codes.
 */
const UNLISTED: ReadonlySet<string> = new Set([
  ...['SESSION_INVALID', 'HANDLE_INVALID', 'UUID_INVALID', 'INTERNAL_ERROR', 'RBAC_PERMISSION_DENIED'],
  ...['HOST_IS_SLAVE', 'HOST_STILL_BOOTING', 'TASK_CANCELLED'],
  ...['HOST_NOT_ENOUGH_FREE_MEMORY', 'VM_LACKS_FEATURE', 'VM_FAILED_SHUTDOWN_ACKNOWLEDGMENT'],
]);

/** What is wrong with the failure of a call: a code that this message does not have. */
export function wrongWithFailure(method: string, code: string): string | undefined {
  const isKnown = UNLISTED.has(code) || (messageOf(method)?.errors.includes(code) ?? false);
  return isKnown ? undefined : `${method} never fails with ${code}`;
}

/** A record of this class in which each field has the plainest value of its type. */
export function plainRecord(name: string, fields: ModelRecord): ModelRecord {
  const types = Object.entries(classes[name]?.fields ?? {});
  return { ...Object.fromEntries(types.map(([field, type]) => [field, plainest(type)])), ...fields };
}

/** The names of all messages. */
export function methodNames(): readonly string[] {
  return Object.entries(classes).flatMap(([name, { messages }]) =>
    Object.keys(messages).map((message) => `${name}.${message}`),
  );
}

function messageOf(method: string): Message | undefined {
  const [name = '', message = ''] = method.split('.');
  return classes[name]?.messages[message];
}

function wrongWith(type: string, value: unknown): string | undefined {
  const is = (fits: boolean): string | undefined =>
    fits ? undefined : `${JSON.stringify(value)?.slice(0, 80) ?? 'nothing'} is no ${type}`;
  if (type === 'string') return is(typeof value === 'string');
  if (type === 'bool') return is(typeof value === 'boolean');
  if (type === 'int') return is(Number.isInteger(value));
  if (type === 'float') return is(typeof value === 'number');
  if (type === 'void') return is(value === '');
  if (type === 'datetime') return is(typeof value === 'string' && /^\d{8}T\d\d:\d\d:\d\dZ$/.test(value));
  if (type === 'an event batch') return wrongWithBatch(value);
  if (type === '<class> record') return is(isRecord(value));
  if (type.endsWith(' ref')) return is(typeof value === 'string' && value.startsWith('OpaqueRef:'));
  if (type.endsWith(' set')) {
    return Array.isArray(value) ? firstOf(value.map((one) => wrongWith(type.slice(0, -4), one))) : is(false);
  }
  if (type.startsWith('enum ')) return is(ENUMS.get(type.slice(5))?.includes(String(value)) ?? false);
  if (type.endsWith(' record')) return wrongWithRecord(type.slice(0, -7), value);
  const [, key = '', content = ''] = /^\((.*?) -> (.*)\) map$/.exec(type) ?? [];
  if (key === '' || !isRecord(value)) return is(false);
  return firstOf(Object.entries(value).flatMap(([one, other]) => [wrongWith(key, one), wrongWith(content, other)]));
}

function wrongWithRecord(name: string, value: unknown): string | undefined {
  const fields = classes[name]?.fields;
  if (!fields || !isRecord(value)) return `${String(value)} is no record of ${name}`;
  const unknown = Object.keys(value).find((field) => !(field in fields));
  if (unknown !== undefined) return `${name} has no field ${unknown}`;
  return firstOf(
    Object.entries(fields).map(([field, type]) => {
      const wrong = wrongWith(type, value[field]);
      return wrong === undefined ? undefined : `${name}.${field}: ${wrong}`;
    }),
  );
}

/** Of which the model tells the parts: a token, counts, and events, each with the record of its class. */
function wrongWithBatch(value: unknown): string | undefined {
  if (!isRecord(value)) return 'no batch of events';
  const { events, token, valid_ref_counts: counts } = value;
  if (!Array.isArray(events) || typeof token !== 'string' || !isRecord(counts)) return 'no batch of events';
  return firstOf(
    (events as ModelRecord[]).flatMap((event) => [
      ...Object.entries(event).map(([field, one]) => {
        const type = classes['event']?.fields[field];
        return type === undefined ? `event has no field ${field}` : wrongWith(type, one);
      }),
      event['operation'] === 'del'
        ? undefined
        : wrongWithRecord(event['class'] === 'vm' ? 'VM' : String(event['class']), event['snapshot']),
    ]),
  );
}

function plainest(type: string): unknown {
  if (type === 'bool') return false;
  if (type === 'int' || type === 'float') return 0;
  if (type === 'datetime') return '19700101T00:00:00Z';
  if (type.startsWith('enum ') && !type.endsWith(' set')) return ENUMS.get(type.slice(5))?.[0];
  if (type.endsWith(' ref')) return 'OpaqueRef:NULL';
  if (type.endsWith(' set')) return [];
  return type.endsWith(' map') ? {} : '';
}

function isRecord(value: unknown): value is ModelRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function firstOf(problems: readonly (string | undefined)[]): string | undefined {
  return problems.find((problem) => problem !== undefined);
}
