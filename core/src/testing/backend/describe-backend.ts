import type { BackendHarness } from './backend-harness.js';
import { BackendTrial } from './backend-trial.js';
import { testConnection } from './backend-connection.js';
import { testDefinition } from './backend-definition.js';
import { testPower } from './backend-power.js';
import { testRegistration } from './backend-registration.js';
import { testStrays } from './backend-strays.js';
import { testWatch } from './backend-watch.js';
import { PATIENCE } from '../eventually.js';
import { useHarness } from '../harness.js';

/**
 * Defines the mocha tests of the backend contract; call it in a test file. It uses mocha's global `describe` and `it`
 * and Node's `assert`, and waits in real time.
 */
export function describeBackend(name: string, harness: BackendHarness): void {
  describe(`${name} (backend contract)`, function () {
    this.timeout(6 * (harness.patience ?? PATIENCE));
    let trial: BackendTrial;

    useHarness(
      harness,
      async () => void (trial = new BackendTrial(harness)),
      () => trial.end(),
    );

    describe('registration', () => testRegistration(harness, () => trial));
    describe('power', () => testPower(harness, () => trial));
    describe('connection', () => testConnection(harness, () => trial));
    describe('definition', () => testDefinition(harness, () => trial));
    if (harness.tellsStrays) describe('strays', () => testStrays(harness, () => trial));
    if (harness.watches) describe('watch', () => testWatch(harness, () => trial));
  });
}
