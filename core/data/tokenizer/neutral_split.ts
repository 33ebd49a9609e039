/** Cuts long texts where no token can span the cut, so that encoding takes time linear in the text. @module */
import { PreTokenizer } from "@huggingface/tokenizers";

/** Pieces up to this length are encoded whole. */
const LONG_PIECE = 512;

/**
 * A pre-tokenizer that runs `inner`, and then cuts its long pieces between any two characters that stand side by side
 * in no token of `vocab`. Such a cut changes nothing: a merge (BPE) or a node (Unigram) across it would need a token
 * that contains both characters. Nothing is cut next to characters that the vocabulary lacks, as unknown ones may be
 * fused. Without these cuts, a tokenizer without a pre-tokenizer (Llama 2) slows down with the length of the text, and
 * Unigram overflows the stack.
 */
export class NeutralSplit extends PreTokenizer {
  #inner: PreTokenizer | null;
  #vocab: () => Iterable<string>;
  #units: { pairs: Set<number>; known: Set<number> } | undefined;

  /** `vocab` is read at the first long piece. */
  constructor(inner: PreTokenizer | null, vocab: () => Iterable<string>) {
    super();
    this.#inner = inner;
    this.#vocab = vocab;
  }

  /** The pieces of `text`. */
  override pre_tokenize_text(text: string, options?: Parameters<PreTokenizer["pre_tokenize_text"]>[1]): string[] {
    const pieces = this.#inner === null ? [text] : this.#inner.pre_tokenize(text, options);
    return pieces.flatMap((piece) => piece.length <= LONG_PIECE ? [piece] : this.#cut(piece));
  }

  #cut(piece: string): string[] {
    const { pairs, known } = this.#units ??= unitsOf(this.#vocab());
    const cuts: string[] = [];
    let from = 0;
    for (let i = 1; i < piece.length; i++) {
      const left = piece.charCodeAt(i - 1);
      const right = piece.charCodeAt(i);
      if (!known.has(left) || !known.has(right) || pairs.has(left * 0x10000 + right)) continue;
      cuts.push(piece.slice(from, i));
      from = i;
    }
    cuts.push(piece.slice(from));
    return cuts;
  }
}

/** The pairs of neighbouring UTF-16 units within the tokens, and the units that are tokens by themselves. */
function unitsOf(vocab: Iterable<string>): { pairs: Set<number>; known: Set<number> } {
  const pairs = new Set<number>();
  const known = new Set<number>();
  for (const token of vocab) {
    if (token.length === 1) known.add(token.charCodeAt(0));
    for (let i = 1; i < token.length; i++) pairs.add(token.charCodeAt(i - 1) * 0x10000 + token.charCodeAt(i));
  }
  return { pairs, known };
}
