/** What the package.json of a plugin for tests says; every field may be replaced. */
export function pluginPackageJson(name: string, fields: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    name,
    version: '1.2.3',
    type: 'module',
    keywords: ['jitsu-plugin'],
    jitsu: { api: '^1.0.0' },
    exports: { '.': { types: './index.d.ts', default: './index.js' } },
    ...fields,
  });
}

/** A plugin's module that registers a backend without options, and leaves a mark in `globalThis` when it is imported. */
export function pluginSource(backend: string, apiVersion = '^1.0.0'): string {
  return `
    const anything = { safeParse: (data) => ({ success: true, data }), shape: {}, _zod: { def: { catchall: undefined } } };
    globalThis.importedForTests = [...(globalThis.importedForTests ?? []), import.meta.url];
    export default {
      name: '${backend}',
      apiVersion: '${apiVersion}',
      register(registry) {
        registry.backend({ name: '${backend}', useClass: class {}, description: 'A backend', unikernel: anything });
      },
    };`;
}

/** Whether a module below this folder has been imported. */
export function wasImported(folder: string): boolean {
  const imported = (globalThis as { importedForTests?: readonly string[] }).importedForTests ?? [];
  return imported.some((url) => url.includes(folder));
}
