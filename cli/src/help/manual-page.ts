/** A list entry: an option or a key with its description. */
export interface ManualEntry {
  readonly term: string;
  readonly text: string;
}

export interface ManualSection {
  readonly heading: string;
  readonly paragraphs?: readonly string[];
  readonly entries?: readonly ManualEntry[];
  /** Lines that are not reflowed. */
  readonly example?: readonly string[];
}

/** A page of the manual, independent of its output format. */
export interface ManualPage {
  readonly name: string;
  readonly summary: string;
  readonly version: string;
  readonly sections: readonly ManualSection[];
}
