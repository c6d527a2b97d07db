// eslint-disable-next-line no-control-regex -- they are what this is about
const controlCharacters = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** Makes foreign text safe for one line: characters that move the cursor or reorder the line are escaped. */
export function printable(text: string): string {
  return text.replaceAll(controlCharacters, (character) => {
    const number = character.codePointAt(0) ?? 0;
    return number < 0x100 ? `\\x${number.toString(16).padStart(2, '0')}` : `\\u{${number.toString(16)}}`;
  });
}
