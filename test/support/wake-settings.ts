import type { WakeSettings } from '#core/config/settings.js';

/** Settings by which everybody has to show that it is no forgery, and may then wake. */
export function wakeSettings(overrides: Partial<WakeSettings> = {}): WakeSettings {
  return {
    answer: 'ready',
    on: 'query',
    proof: 'cookie-or-tcp',
    trusted: [],
    allow: ['0.0.0.0/0', '::/0'],
    deny: [],
    types: ['A', 'AAAA', 'HTTPS', 'SVCB'],
    hours: [],
    budget: { perClient: 0, perPrefix: 0, interval: 60_000 },
    knocks: { unproven: 0 },
    ...overrides,
  };
}
