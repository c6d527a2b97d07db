import type { ConfigProblem } from './config-problems.js';
import { nearestWord } from './expectation.js';

/** A unikernel that needs others. */
export interface Needing {
  readonly name: string;
  /** The names of what it needs. */
  readonly needs: readonly string[];
  /** The path of one of these, by its index. */
  readonly pathOf: (index: number) => string;
}

/** All configured names. */
interface Names {
  has(name: string): boolean;
  keys(): Iterable<string>;
}

/** The number of names that an unknown one is compared with. */
const COMPARED = 1_000;

/** What is wrong with the needs of unikernels: unknown names, and needs that lead back to where they began. */
export function needProblems(needing: readonly Needing[], names: Names): readonly ConfigProblem[] {
  return [...unknownNames(needing, names), ...cycles(needing)];
}

function unknownNames(needing: readonly Needing[], names: Names): readonly ConfigProblem[] {
  return needing.flatMap(({ needs, pathOf }) =>
    needs.flatMap((need, index) => (names.has(need) ? [] : [unknownName(need, pathOf(index), names)])),
  );
}

function unknownName(need: string, path: string, names: Names): ConfigProblem {
  const meant = nearestWord(need, first(COMPARED, names.keys()));
  const question = meant === undefined ? '' : ` Did you mean '${meant}'?`;
  return { path, given: `'${need}'`, expected: `The name of another unikernel expected.${question}` };
}

function* first<T>(count: number, all: Iterable<T>): Iterable<T> {
  let left = count;
  for (const one of all) {
    if (left-- === 0) return;
    yield one;
  }
}

/** One problem for each way back, at the need that closes it. */
function cycles(needing: readonly Needing[]): readonly ConfigProblem[] {
  const byName = new Map(needing.map((unikernel) => [unikernel.name, unikernel]));
  const done = new Set<string>();
  const problems: ConfigProblem[] = [];
  for (const start of needing) {
    // The way from the start to here, with the index of the next need of each: chains may be too long for recursion.
    const way: { readonly unikernel: Needing; next: number }[] = [];
    const onWay = new Map<string, number>();
    const enter = (unikernel: Needing): void => {
      onWay.set(unikernel.name, way.length);
      way.push({ unikernel, next: 0 });
    };
    if (!done.has(start.name)) enter(start);
    for (let here = way.at(-1); here !== undefined; here = way.at(-1)) {
      const { unikernel } = here;
      const index = here.next++;
      const need = unikernel.needs[index];
      if (need === undefined) {
        way.pop();
        onWay.delete(unikernel.name);
        done.add(unikernel.name);
        continue;
      }
      const back = onWay.get(need);
      const further = byName.get(need);
      if (back !== undefined)
        problems.push(
          cycle([...way.slice(back).map(({ unikernel: { name } }) => name), need], unikernel.pathOf(index)),
        );
      else if (further !== undefined && !done.has(need)) enter(further);
    }
  }
  return problems;
}

/** The most names of a way back that are told. */
const TOLD = 10;

/** Without the middle, where there are many. */
function shortened(names: readonly string[]): readonly string[] {
  if (names.length <= TOLD) return names;
  return [...names.slice(0, TOLD - 2), `${names.length - TOLD + 1} more`, ...names.slice(-1)];
}

function cycle(names: readonly string[], path: string): ConfigProblem {
  return {
    path,
    given: shortened(names).join(' → '),
    expected: 'A need that does not lead back expected: each of these would wait for another for ever.',
  };
}
