import type { output, ZodType } from 'zod';
import type { InjectableClass } from '../contracts/plugin.js';

declare const carried: unique symbol;

/** Identifies a value of type `T` that Jitsu injects into a constructor. */
export type Token<T> = symbol & { readonly [carried]: T };

/** What is injected into an instance. */
export type Injected = readonly [Token<unknown>, unknown];

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- only `any` accepts every list of parameters
type Constructor = abstract new (...parameters: any[]) => unknown;

/** `unknown` if a parameter of type `P` accepts a `T`; otherwise the type that the compiler shows in its message. */
type Accepts<P, T> = [T] extends [P] ? unknown : { readonly 'this parameter is given': T };

/**
 * What is known of classes and schemas, whichever copy of this module they have met: a plugin that is installed beside a
 * configuration brings its own @jitsud/core, and is loaded by that of a global `jitsu`.
 */
interface Shared {
  /** The tokens of each class's constructor parameters, by position. */
  readonly marks: WeakMap<object, Token<unknown>[]>;
  readonly optionTokens: WeakMap<ZodType, Token<unknown>>;
}

const SHARED = Symbol.for('@jitsud/core injection 1');
const { marks, optionTokens } = ((globalThis as { [SHARED]?: Shared | undefined })[SHARED] ??= {
  marks: new WeakMap(),
  optionTokens: new WeakMap(),
});

const TOKEN = '@jitsud/core ';

/**
 * The same one in each copy of this module.
 * @param name its name in messages
 */
export function token<T>(name: string): Token<T> {
  return Symbol.for(`${TOKEN}${name}`) as Token<T>;
}

function nameOf({ description = '' }: Token<unknown>): string {
  return description.replace(TOKEN, '');
}

/**
 * The token for the value that a schema of the contribution has parsed: the settings of a backend's connection, the
 * argument of a probe or policy, the entry of a notifier, resolver or store, the flags of a command.
 *
 * ```ts
 * constructor(@inject(optionsOf(webhookOptions)) private readonly options: z.output<typeof webhookOptions>) {}
 * ```
 */
export function optionsOf<S extends ZodType>(schema: S): Token<output<S>> {
  let known = optionTokens.get(schema);
  if (known === undefined) {
    known = Symbol('optionsOf(its schema)') as Token<unknown>;
    optionTokens.set(schema, known);
  }
  return known as Token<output<S>>;
}

/** Injects a token's value into a constructor parameter. The compiler refuses a parameter of another type. */
export function inject<T>(
  given: Token<T>,
): <C extends Constructor, I extends number>(
  target: C,
  key: undefined,
  index: I & Accepts<ConstructorParameters<C>[I], T>,
) => void {
  return (target, _key, index) => {
    const own = marks.get(target) ?? [];
    own[index] = given;
    marks.set(target, own);
  };
}

/**
 * The reason why a class cannot be constructed, as text; `undefined` if it can.
 * @param available the tokens of its kind besides `options`
 * @param options the schema registered with it
 */
export function objectionToInjection(
  useClass: Constructor,
  available: readonly Token<unknown>[],
  options: ZodType | undefined,
): string | undefined {
  const own = marks.get(useClass);
  if (own === undefined && inheritsMarks(useClass)) {
    return 'it inherits its constructor, and what is injected is not inherited: give it a constructor of its own';
  }
  const tokens = own ?? [];
  const choice = [...available, ...(options === undefined ? [] : [optionsOf(options)])];
  for (let index = 0; index < Math.max(tokens.length, useClass.length); index += 1) {
    const wanted = tokens[index];
    const parameter = `parameter ${index + 1} of its constructor`;
    if (wanted === undefined) return `${parameter} is not marked with @inject(TOKEN)`;
    if (choice.includes(wanted)) continue;
    const names = choice.map(nameOf).join(', ');
    return `${parameter} cannot be given ${nameOf(wanted)}, only ${names}, where its schema is the one that it is registered with`;
  }
  return undefined;
}

/** Makes an instance of a registered class, for which nothing is missing. The last of several values for a token counts. */
export function construct<T>(useClass: InjectableClass<T>, values: Iterable<Injected>): T {
  const byToken = new Map(values);
  return new useClass(...(marks.get(useClass) ?? []).map((wanted) => byToken.get(wanted)));
}

function inheritsMarks(useClass: object): boolean {
  const parent = Object.getPrototypeOf(useClass) as object | null;
  return parent !== null && (marks.has(parent) || inheritsMarks(parent));
}
