import assert from 'node:assert/strict';
import type { BackendHarness } from './backend-harness.js';
import type { BackendTrial } from './backend-trial.js';
import { errorCode } from '../../errors.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Tests the registration of unikernels with a backend. */
export function testRegistration(harness: BackendHarness, trial: () => BackendTrial): void {
  it('claims exactly the stop modes of its harness', async () => {
    const backend = await trial().connect();
    assert.deepEqual([...backend.capabilities.stopModes].sort(), Object.keys(harness.stopModes).sort());
    assert.equal(backend.isWatched, harness.watches);
    assert.equal(backend.knowsStrays, harness.tellsStrays ?? false);
  });

  it('describes each of its options', () => {
    for (const [key, option] of Object.entries(harness.schema.shape)) {
      assert.ok((option as { description?: string }).description, `option '${key}' has no description`);
    }
  });

  it('gives a unikernel a uuid that stays the same, in this instance and in a new one', async () => {
    const first = await trial().connect();
    const { id } = await trial().machine(first);
    assert.match(id, UUID);
    assert.equal((await trial().machine(first)).id, id);
    await first.close();
    assert.equal((await trial().machine(await trial().connect())).id, id);
  });

  it('tells unikernels apart', async () => {
    const backend = await trial().connect();
    const [one, other] = [await trial().machine(backend, 'alpha'), await trial().machine(backend, 'beta')];
    assert.notEqual(one.id, other.id);
  });

  it('starts nothing when it registers', async () => {
    const machine = await trial().machine(await trial().connect());
    assert.equal((await machine.describe()).state, 'off');
    await trial().counts(0, machine.id);
  });

  it('lets a running machine run on when it is registered again', async () => {
    const { backend, machine, domainId } = await trial().running();
    await trial().machine(backend);
    assert.equal((await trial().until(machine, 'running')).domainId, domainId);
    await trial().counts(1, machine.id);
  });

  it('says before a machine is there how commands that look after it will run', async () => {
    const backend = await trial().connect();
    const options = harness.schema.parse(harness.machine('alpha'));
    const foretold = await backend.allow({ name: 'alpha', options });
    assert.deepEqual((await trial().machine(backend)).execution(), foretold);
  });

  for (const { because, options, problems } of harness.refused) {
    it(`refuses ${because}, with every problem in one go`, async () => {
      const parsed = harness.schema.safeParse(options);
      const told = parsed.success
        ? [await refusal(trial(), options)]
        : parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
      for (const problem of problems) {
        assert.ok(
          told.some((text) => problem.test(text)),
          `${String(problem)} is not among the problems told:\n${told.join('\n')}`,
        );
      }
    });
  }
}

/** That the options are wrong, that the system has no such machine, or that a file is not there. */
const REFUSALS: ReadonlySet<string | undefined> = new Set([
  'JITSU_UNIKERNEL_INVALID',
  'JITSU_UNIKERNEL_UNKNOWN',
  'JITSU_UNIKERNEL_UNAVAILABLE',
]);

async function refusal(trial: BackendTrial, options: object): Promise<string> {
  const backend = await trial.connect();
  const error = await trial.machine(backend, 'alpha', options).then(
    () => assert.fail('it is not refused'),
    (reason: unknown) => reason as Error,
  );
  assert.ok(REFUSALS.has(errorCode(error)), `refused with ${String(errorCode(error))}: ${String(error)}`);
  assert.match(error.message, /alpha/, 'the message must name the unikernel');
  return error.message;
}
