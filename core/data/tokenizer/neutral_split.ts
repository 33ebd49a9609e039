/** Cuts long texts where no token can span the cut, so that encoding takes time linear in the text. @module */
import { PairTable } from "./pair_table.ts";

/** The units that are tokens by themselves, and the pairs of neighbours within tokens. */
export interface NeutralUnits {
  known: Uint8Array;
  pairs: PairTable;
}

/** Reads the UTF-16 units of all tokens. */
export function neutralUnits(tokens: Iterable<string>): NeutralUnits {
  const known = new Uint8Array(1 << 16);
  const pairs = new PairTable(1 << 14);
  for (const token of tokens) {
    if (token.length === 1) known[token.charCodeAt(0)] = 1;
    for (let i = 1; i < token.length; i++) pairs.set(token.charCodeAt(i - 1), token.charCodeAt(i), 0);
  }
  return { known, pairs };
}

/**
 * Gives `text` to `take` in parts, cut between any two characters that stand side by side in no token. Such a cut
 * changes nothing: a merge across it would make a token that contains both. Nothing is cut next to characters that the
 * vocabulary lacks, as unknown ones may be fused. Without these cuts, a tokenizer without a pre-tokenizer (Llama 2)
 * slows down with the length of the text, and no word of it comes up twice.
 */
export function cutNeutrally(text: string, { known, pairs }: NeutralUnits, take: (part: string) => void): void {
  let from = 0;
  let left = text.charCodeAt(0);
  for (let i = 1; i < text.length; i++) {
    const right = text.charCodeAt(i);
    if (known[left] === 1 && known[right] === 1 && pairs.get(left, right) === -1) {
      take(text.slice(from, i));
      from = i;
    }
    left = right;
  }
  take(text.slice(from));
}
