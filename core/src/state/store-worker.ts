import { parentPort, workerData } from 'node:worker_threads';
import { errorCode, errorMessage } from '../errors.js';
import { nativePackageAdvice } from '../plugin-kit/native-package-advice.js';
import type { StoreDatabase, StoreDatabaseOptions, StoredPage } from './store-database.js';
import { storeWithoutLibrary } from './store-unreadable.js';

/** What the thread is started with. */
export interface StoreOrder extends StoreDatabaseOptions {
  readonly folder: string;
}

/** What the thread can be asked to do, with the result of each. */
export interface StoreCalls {
  open(): void;
  close(): void;
  save(...words: Parameters<StoreDatabase['save']>): void;
  append(...words: Parameters<StoreDatabase['append']>): void;
  page(...words: Parameters<StoreDatabase['page']>): StoredPage<string>;
  history(...words: Parameters<StoreDatabase['history']>): StoredPage<number>;
}

/** The name of a call and its arguments. */
export type StoreRequest = readonly [call: keyof StoreCalls, words: readonly unknown[]];

export type StoreReply = { readonly result: unknown } | { readonly code: string | undefined; readonly message: string };

/** The program of the thread that has the store: it carries out one request after the other, and answers each. */
const { folder, ...options } = workerData as StoreOrder;
let database: StoreDatabase | undefined;

parentPort?.on('message', (request: StoreRequest) => {
  void answer(request).then((reply) => parentPort?.postMessage(reply));
});

/** The requests under way: that one is opened takes several turns, and none may overtake it. */
let before: Promise<unknown> = Promise.resolve();

function answer(request: StoreRequest): Promise<StoreReply> {
  const reply = before.then(async (): Promise<StoreReply> => {
    try {
      return { result: await carryOut(request) };
    } catch (error) {
      return { code: errorCode(error), message: errorMessage(error) };
    }
  });
  before = reply;
  return reply;
}

async function carryOut([call, words]: StoreRequest): Promise<unknown> {
  if (call === 'open') return open();
  if (database === undefined) throw new Error(`The store at ${folder} is not open`);
  if (call !== 'close') return (database[call] as (...words: readonly unknown[]) => unknown)(...words);
  // Without the port, nothing keeps the thread.
  parentPort?.unref();
  return database.close();
}

async function open(): Promise<void> {
  const { StoreDatabase } = await import('./store-database.js').catch((error: unknown) => {
    throw storeWithoutLibrary(folder, error, nativePackageAdvice('libsql', import.meta.url));
  });
  database = StoreDatabase.open(folder, options);
}
