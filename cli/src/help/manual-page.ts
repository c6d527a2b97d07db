/** An entry of a list: an option or a key, and what it does. */
export interface ManualEntry {
  readonly term: string;
  readonly text: string;
}

export interface ManualSection {
  readonly heading: string;
  readonly paragraphs?: readonly string[];
  readonly entries?: readonly ManualEntry[];
  /** Lines that stay as they are. */
  readonly example?: readonly string[];
}

/** A page of the manual, whatever it is rendered to. */
export interface ManualPage {
  readonly name: string;
  readonly summary: string;
  readonly version: string;
  readonly sections: readonly ManualSection[];
}
