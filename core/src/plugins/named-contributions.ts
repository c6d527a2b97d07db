/** A contribution and the plugin that registered it. */
export interface Owned<T> {
  readonly owner: string;
  readonly contribution: T;
}

/** All contributions of one kind, in the order of registration. */
export class NamedContributions<T extends { readonly name: string; readonly useClass: unknown }> {
  readonly #byName = new Map<string, Owned<T>>();

  /** @param kind their kind in messages: `stop policy` */
  constructor(readonly kind: string) {}

  get(name: string): T | undefined {
    return this.#byName.get(name)?.contribution;
  }

  /** The plugin that registered the contribution of this name. */
  ownerOf(name: string): string | undefined {
    return this.#byName.get(name)?.owner;
  }

  names(): readonly string[] {
    return [...this.#byName.keys()];
  }

  all(): readonly T[] {
    return [...this.#byName.values()].map(({ contribution }) => contribution);
  }

  /** The reason why a contribution cannot be added, as text; `undefined` if it can. */
  objectionTo({ owner, contribution }: Owned<T>): string | undefined {
    const { name, useClass } = contribution;
    if (typeof name !== 'string' || !/^[a-z][a-z0-9-]*$/.test(name)) {
      return `${owner} registers a ${this.kind} named ${JSON.stringify(name)}: small letters, digits and hyphens expected.`;
    }
    if (!isConstructor(useClass)) return `${owner} registers the ${this.kind} '${name}' without a class.`;
    const other = this.ownerOf(name);
    return other === undefined
      ? undefined
      : `${owner} and ${other} both register the ${this.kind} '${name}'. Remove one of the two plugins.`;
  }

  add(owned: Owned<T>): void {
    this.#byName.set(owned.contribution.name, owned);
  }
}

/** Whether it can be called by `new`; it is not called. */
function isConstructor(value: unknown): boolean {
  try {
    Reflect.construct(Object, [], value as new () => unknown);
    return true;
  } catch {
    return false;
  }
}
