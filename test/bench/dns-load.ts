import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import dnsPacket from 'dns-packet';
import { findProgram } from '../support/find-program.js';

export interface LoadResult {
  readonly answers: number;
  readonly seconds: number;
}

/** How many queries are under way at once. */
const WINDOW = 64;

/** Which program makes the load: dnsperf where it is installed. */
export const LOAD_GENERATOR = findProgram('dnsperf') === undefined ? 'a loop in Node' : 'dnsperf';

/** Asks a server on 127.0.0.1 for the A record of one name, over and over, as fast as it answers. */
export function loadServer(port: number, name: string, seconds: number): Promise<LoadResult> {
  return LOAD_GENERATOR === 'dnsperf' ? loadWithDnsperf(port, name, seconds) : loadWithLoop(port, name, seconds);
}

async function loadWithDnsperf(port: number, name: string, seconds: number): Promise<LoadResult> {
  const folder = await mkdtemp(join(tmpdir(), 'jitsu-bench-'));
  try {
    const file = join(folder, 'queries');
    await writeFile(file, `${name} A\n`);
    const words = `-s 127.0.0.1 -p ${port} -l ${seconds} -T 1 -c 4 -q ${WINDOW} -d`.split(' ');
    const { stdout } = await promisify(execFile)('dnsperf', [...words, file]);
    const figure = (pattern: RegExp): number => Number(pattern.exec(stdout)?.[1]);
    return { answers: figure(/Queries completed:\s+(\d+)/), seconds: figure(/Run time \(s\):\s+([\d.]+)/) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Keeps the window full: each answer sends the next query, and what is lost is made up for after a quiet time. */
async function loadWithLoop(port: number, name: string, seconds: number): Promise<LoadResult> {
  const query = dnsPacket.encode({ type: 'query', id: 1, flags: 0x01_00, questions: [{ name, type: 'A' }] });
  const socket = createSocket('udp4');
  let answers = 0;
  let answersBefore = -1;
  const send = (): void => socket.send(query);
  const fillWindow = (): void => {
    for (let n = 0; n < WINDOW; n += 1) send();
  };
  socket.on('message', () => {
    answers += 1;
    send();
  });
  await new Promise<void>((resolve) => socket.connect(port, '127.0.0.1', resolve));
  const started = performance.now();
  fillWindow();
  const refill = setInterval(() => {
    if (answers === answersBefore) fillWindow();
    answersBefore = answers;
  }, 100);
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
  clearInterval(refill);
  socket.close();
  return { answers, seconds: (performance.now() - started) / 1_000 };
}
