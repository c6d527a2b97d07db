/** A user, and supplementary groups. */
interface Identity {
  readonly uid: number;
  readonly gid: number;
  readonly groups?: readonly number[] | undefined;
}

/**
 * Gives root, with all its threads, the effective user and groups of somebody else. Throws the system's error.
 * @returns makes it root again
 */
export function takeEffectiveUser({ uid, gid, groups = [] }: Identity): () => void {
  const before = [process.getgroups?.() ?? [], process.getegid?.() ?? 0] as const;
  process.setgroups?.([...groups]);
  process.setegid?.(gid);
  process.seteuid?.(uid);
  return () => {
    process.seteuid?.(0);
    process.setegid?.(before[1]);
    process.setgroups?.([...before[0]]);
  };
}
