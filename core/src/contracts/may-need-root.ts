/** A part of Jitsu that may need root after the start. */
export interface MayNeedRoot {
  /**
   * Why it does, as the end of a sentence that begins with "needs root, since"; absent where it does not. By default
   * Jitsu then stays root. Where `privileges.user` is configured, it becomes that user all the same.
   */
  readonly needsRoot?: string | undefined;
}
