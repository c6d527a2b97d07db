import { fstatSync } from 'node:fs';

/** Whether the open file leads to systemd's journal: JOURNAL_STREAM has its device and inode (systemd.exec(5)). */
export function isJournal(file: number, env: NodeJS.ProcessEnv = process.env): boolean {
  const { JOURNAL_STREAM: named } = env;
  if (named === undefined) return false;
  try {
    const { dev, ino } = fstatSync(file);
    return named === `${dev}:${ino}`;
  } catch {
    return false;
  }
}
