export type { BackendHarness, RefusedOptions } from './backend/backend-harness.js';
export { describeBackend } from './backend/describe-backend.js';
export { ManualClock } from './manual-clock.js';
