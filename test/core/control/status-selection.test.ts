import assert from 'node:assert/strict';
import { UnikernelRecord, type UnikernelPlan } from '#core/lifecycle/unikernel.js';
import { selectForStatus } from '#core/control/controls.js';

const unikernels = new Map(
  Array.from({ length: 10 }, (_, index) => {
    const name = `n${index}`;
    const unikernel = new UnikernelRecord({ name, names: [`${name}.test`] } as unknown as UnikernelPlan);
    unikernel.state = index === 7 ? 'running' : 'off';
    if (index === 9) unikernel.counters.get('n9.test')!.requests = 1;
    return [name, unikernel] as const;
  }),
);
const namesOf = (limit: number): string =>
  selectForStatus(unikernels, limit)
    .map(({ name }) => name)
    .join(' ');

describe('the unikernels of a report', () => {
  it('are all of them where they fit, in the order of the configuration', () => {
    assert.equal(namesOf(10), 'n0 n1 n2 n3 n4 n5 n6 n7 n8 n9');
  });

  it('are those first of which there is something to tell, where they do not', () => {
    assert.equal(namesOf(4), 'n7 n9 n0 n1');
    assert.equal(namesOf(1), 'n7');
  });
});
