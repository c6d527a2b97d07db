/** Asks and tells the kernel of the network that it runs in: one call a line in, its result or the code of its error out. */
import { createInterface } from 'node:readline';
import { Neighbours } from '#core/plugin-kit/neighbours.js';

export type NeighbourCall =
  readonly ['knowledge' | 'ask', address: string] | readonly ['tell', address: string, mac: string];

const neighbours = await Neighbours.open();
const { performance } = globalThis;

createInterface(process.stdin).on('line', (line) => {
  const [call, address, mac = ''] = JSON.parse(line) as NeighbourCall;
  const began = performance.now();
  let result: unknown = 'done';
  try {
    if (call === 'knowledge') result = neighbours.knowledge(address);
    if (call === 'ask') neighbours.ask(address);
    if (call === 'tell') neighbours.tell(address, mac);
  } catch (error) {
    result = (error as NodeJS.ErrnoException).code ?? String(error);
  }
  const took = performance.now() - began;
  process.stdout.write(`${JSON.stringify({ result, took })}\n`);
});
