import type { Contributions } from '../plugins/contributions.js';
import { knownPlugins } from '../plugins/known-plugins.js';

/** The backends that have any of these keys of unikernels, installed or not, those with the most of them first. */
export function backendsWith(keys: readonly string[], { backends }: Contributions): readonly string[] {
  const counts = new Map<string, number>();
  const count = (backend: string, has: (key: string) => boolean): void => {
    const number = keys.filter(has).length;
    if (number > 0) counts.set(backend, Math.max(number, counts.get(backend) ?? 0));
  };
  for (const { name, unikernel } of backends.all()) count(name, (key) => Object.hasOwn(unikernel.shape, key));
  for (const { manifest, optionKeys = [] } of knownPlugins().plugins) {
    for (const name of manifest.backends ?? []) count(name, (key) => optionKeys.includes(key));
  }
  const most = Math.max(0, ...counts.values());
  return [...counts].filter(([, number]) => number === most).map(([name]) => name);
}

/** The keys of all backends, installed or not. */
export function backendKeys({ backends }: Contributions): readonly string[] {
  const registered = backends.all().flatMap(({ unikernel }) => Object.keys(unikernel.shape));
  return [...registered, ...knownPlugins().plugins.flatMap(({ optionKeys = [] }) => optionKeys)];
}
