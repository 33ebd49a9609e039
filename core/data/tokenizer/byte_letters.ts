/** Bytes written as letters, one for each, as GPT-2's vocabulary has them. @module */

/** The letter of each byte. */
export const BYTE_LETTERS: readonly string[] = letters();

/** The byte of each letter, by its code; −1 for others. The table ends with the last letter. */
export const LETTER_BYTES: Int16Array = bytesOf(BYTE_LETTERS);

const encoder = new TextEncoder();

/** The UTF-8 bytes of a text as letters. */
export function toByteLetters(text: string): string {
  let result = "";
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) {
      // The rest at once, since such characters seldom come alone.
      for (const byte of encoder.encode(text.slice(i))) result += BYTE_LETTERS[byte];
      return result;
    }
    result += BYTE_LETTERS[code];
  }
  return result;
}

function letters(): string[] {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const isPrinted = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    return String.fromCharCode(isPrinted ? byte : next++);
  });
}

function bytesOf(list: readonly string[]): Int16Array {
  const table = new Int16Array(Math.max(...list.map((letter) => letter.charCodeAt(0))) + 1).fill(-1);
  for (const [byte, letter] of list.entries()) table[letter.charCodeAt(0)] = byte;
  return table;
}
