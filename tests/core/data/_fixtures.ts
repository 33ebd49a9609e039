/** Small tokenizers and data files, made on the spot. @module */
import { fileURLToPath } from "node:url";
import { loadTokenizer, type Tokenizer } from "../../../core/data/tokenizer/tokenizer.ts";

/** A template in ChatML's form: like Qwen's it writes a newline after the token that ends a turn. */
export const CHATML = "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + " +
  "message['content'] + eos_token + '\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

/** A folder that is removed when the test ends. */
export async function withFolder<T>(run: (dir: string) => Promise<T>): Promise<T> {
  const dir = await Deno.makeTempDir();
  try {
    return await run(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** Runs `run` on a file that holds `content`. */
export function withFile<T>(name: string, content: string | Uint8Array, run: (path: string) => Promise<T>): Promise<T> {
  return withFolder(async (dir) => {
    const path = `${dir}/${name}`;
    await Deno.writeFile(path, typeof content === "string" ? new TextEncoder().encode(content) : content);
    return await run(path);
  });
}

/**
 * tokenizer.json of a byte-fallback BPE as Llama 2's (no pre-tokenizer, a word's space before it, `<s>` written first),
 * with printable ASCII and a few merges; ids: 0 <unk>, 1 <s>, 2 <|im_end|> (EOS), 3 <|im_start|>, then the bytes.
 */
export function bpeTokenizer(): Record<string, unknown> {
  const merges = ["l l", "e ll", "h ell", "hell o", "▁ hello", "▁ ▁", "a b", "ab ab", "b a"];
  const special = ["<unk>", "<s>", "<|im_end|>", "<|im_start|>"];
  const bytes = Array.from({ length: 256 }, (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, "0")}>`);
  const ascii = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i));
  const tokens = [...special, ...bytes, "▁", ...ascii, ...merges.map((merge) => merge.replace(" ", ""))];
  const added = special.map((content, id) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  }));
  const bos = { SpecialToken: { id: "<s>", type_id: 0 } };
  const sequence = { Sequence: { id: "A", type_id: 0 } };
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: {
      type: "Sequence",
      normalizers: [{ type: "Prepend", prepend: "▁" }, { type: "Replace", pattern: { String: " " }, content: "▁" }],
    },
    pre_tokenizer: null,
    post_processor: {
      type: "TemplateProcessing",
      single: [bos, sequence],
      pair: [bos, sequence],
      special_tokens: { "<s>": { id: "<s>", ids: [1], tokens: ["<s>"] } },
    },
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "▁" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        { type: "Strip", content: " ", start: 1, stop: 0 },
      ],
    },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: "<unk>",
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
  };
}

/** Writes a tokenizer's files into `dir`; `config` is added to tokenizer_config.json. */
export async function writeTokenizer(
  dir: string,
  { json = bpeTokenizer(), config = {} }: { json?: unknown; config?: Record<string, unknown> } = {},
): Promise<void> {
  await Deno.writeTextFile(`${dir}/tokenizer.json`, JSON.stringify(json));
  const tokens = { bos_token: "<s>", eos_token: { content: "<|im_end|>" } };
  await Deno.writeTextFile(`${dir}/tokenizer_config.json`, JSON.stringify({ ...tokens, ...config }));
}

/** The tokenizer above, loaded. */
export function smallTokenizer(config: Record<string, unknown> = {}): Promise<Tokenizer> {
  return withFolder(async (dir) => {
    await writeTokenizer(dir, { config });
    return await loadTokenizer(dir);
  });
}

/** A Parquet file of twelve rows that pyarrow wrote (formats/parquet/make.py). */
export function parquetPath(name: string): string {
  return fileURLToPath(new URL(`formats/parquet/${name}.parquet`, import.meta.url));
}
