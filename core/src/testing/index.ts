export type { BackendHarness, RefusedOptions } from './backend/backend-harness.js';
export { describeBackend } from './backend/describe-backend.js';
export { describeNotifier, type NotifierHarness } from './describe-notifier.js';
export { describeReadinessProbe, type ProbedService, type ReadinessProbeHarness } from './describe-readiness-probe.js';
export { describeResolver, type ResolverHarness } from './describe-resolver.js';
export { describeStateStore, type StateStoreHarness } from './describe-state-store.js';
export { describeStopPolicy, type StopPolicyExample, type StopPolicyHarness } from './describe-stop-policy.js';
export { ManualClock } from './manual-clock.js';
