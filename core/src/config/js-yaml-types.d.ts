declare module 'js-yaml' {
  /** The state of the parser, as far as it is read here. */
  export interface ParserState {
    /** The index in the text, without its byte order mark. */
    readonly position: number;
    /** The value of the node that was read last. */
    readonly result: unknown;
  }

  export interface LoadOptions {
    /** Whether a later key wins over an earlier one of the same name, as in JSON, in place of an error. */
    readonly json?: boolean;
    /** Called where a node begins, before the blanks and comments in front of it, and where it has ended. */
    readonly listener?: (event: 'open' | 'close', state: ParserState) => void;
  }

  /** @throws YAMLException */
  export function load(text: string, options?: LoadOptions): unknown;
}
