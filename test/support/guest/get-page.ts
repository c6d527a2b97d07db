import { get } from 'node:http';
import { text } from 'node:stream/consumers';

const LIMIT = 5000;

/** The body of a page, asked for once and on a connection of its own; rejects where there is none within 5 seconds. */
export async function getPage(url: string): Promise<string> {
  const limit = AbortSignal.timeout(LIMIT);
  const response = await new Promise<NodeJS.ReadableStream & { statusCode?: number | undefined }>((resolve, reject) => {
    get(url, { agent: false, signal: limit }, resolve).on('error', reject);
  });
  const body = await text(response);
  if (response.statusCode !== 200) throw new Error(`${url}: status ${String(response.statusCode)}`);
  return body;
}
