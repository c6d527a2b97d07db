import { errorCode, errorMessage, JitsuError } from '@jitsud/core/plugin';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const DIRECTIONS = ['rx_packets', 'tx_packets'];

/**
 * The packets that the network interfaces of a running guest have received and sent, as the kernel of this host counts
 * them at its end of each (`vif7.0` is the first of the domain 7).
 * @param interfaces how many the guest has
 * @param folder with the interfaces of this host
 * @throws JITSU_BACKEND_FAILED where some of them are not of this host, as those whose backend is another domain
 */
export async function interfacePackets(
  domainId: number,
  interfaces: number,
  folder = '/sys/class/net',
): Promise<number> {
  try {
    const names = (await readdir(folder)).filter((name) => isOf(domainId, name));
    if (names.length < interfaces) {
      const found = names.length === 0 ? 'none' : names.join(', ');
      throw new Error(`it has ${interfaces} interfaces, of which this host has ${found}`);
    }
    const counts = await Promise.all(
      names.flatMap((name) => DIRECTIONS.map((direction) => countIn(join(folder, name, 'statistics', direction)))),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  } catch (error) {
    const why = errorCode(error) === 'ENOENT' ? 'an interface of it is gone' : errorMessage(error);
    const message = `The packets of the domain ${domainId} cannot be counted: ${why}`;
    throw new JitsuError('JITSU_BACKEND_FAILED', message, { cause: error });
  }
}

function isOf(domainId: number, name: string): boolean {
  const [, domain] = /^vif(\d+)\.\d+$/.exec(name) ?? [];
  return domain === String(domainId);
}

async function countIn(file: string): Promise<number> {
  const text = (await readFile(file, 'latin1')).trim();
  if (!/^\d+$/.test(text)) throw new Error(`${file} has '${text.slice(0, 20)}', which is no count`);
  return Number(text);
}
