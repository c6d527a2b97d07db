export type { Milliseconds } from './contracts/milliseconds.js';
