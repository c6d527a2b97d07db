/** The fields of a package.json that name the package's entry point. */
export interface PackageEntryFields {
  readonly exports?: unknown;
  readonly main?: unknown;
}

/** Deeper than any package nests its conditions. */
const DEEPEST = 20;

const CONDITIONS: ReadonlySet<string> = new Set(['node', 'import', 'module-sync', 'default']);

/**
 * The file that `import 'the-package'` would load, relative to the package's folder; `undefined` if `exports` has none.
 * Neither Node API fits: import.meta.resolve cannot resolve from another folder, and require.resolve ignores entries
 * for `import` only (Node.js, "Packages", conditional exports).
 */
export function packageEntry({ exports, main }: PackageEntryFields): string | undefined {
  if (exports !== undefined && exports !== null) return target(isSubpaths(exports) ? exports['.'] : exports);
  return typeof main === 'string' && main !== '' ? main : 'index.js';
}

function target(exports: unknown, depth = 0): string | undefined {
  if (depth > DEEPEST) return undefined;
  if (typeof exports === 'string') return exports;
  if (Array.isArray(exports)) return firstOf(exports, depth);
  if (typeof exports !== 'object' || exports === null) return undefined;
  return firstOf(
    Object.entries(exports)
      .filter(([condition]) => CONDITIONS.has(condition))
      .map(([, value]) => value as unknown),
    depth,
  );
}

function firstOf(candidates: readonly unknown[], depth: number): string | undefined {
  for (const candidate of candidates) {
    const found = target(candidate, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isSubpaths(exports: unknown): exports is Record<string, unknown> {
  return typeof exports === 'object' && exports !== null && Object.keys(exports).some((key) => key.startsWith('.'));
}
