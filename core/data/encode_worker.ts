/** A thread that encodes rows with a tokenizer of its own. @module */
import { modelFilesAt } from "../checkpoint/gguf_files.ts";
import { encodeRow } from "./encode_row.ts";
import type { EncodeAnswer, EncodeQuestion, EncodeStart } from "./encode_threads.ts";
import { type PackedRow, packRow } from "./packed_row.ts";
import type { DataRow } from "./parse_row.ts";
import { loadTokenizer, type Tokenizer, tokenizerOrigin } from "./tokenizer/tokenizer.ts";

const thread = globalThis as typeof globalThis & {
  onmessage: ((event: MessageEvent<EncodeStart | EncodeQuestion>) => void) | null;
  postMessage(answer: EncodeAnswer): void;
};

// It is loaded once; questions that come meanwhile wait for it.
let tokenizer: Promise<Tokenizer>;

thread.onmessage = async ({ data }) => {
  if ("identity" in data) tokenizer = load(data);
  // Whoever gets no rows encodes them, and tells what is wrong.
  else thread.postMessage(await tokenizer.then((tokenizer) => encode(tokenizer, data), () => null));
};

async function load({ dir, chatTemplate, identity }: EncodeStart): Promise<Tokenizer> {
  const loaded = await loadTokenizer(await modelFilesAt(dir), { chatTemplate });
  if (tokenizerOrigin(loaded)?.identity !== identity) throw new Error("the files have changed");
  return loaded;
}

function encode(tokenizer: Tokenizer, { contents, options, answers }: EncodeQuestion): PackedRow[] | null {
  try {
    return contents.map((content) => packRow(encodeRow(content as DataRow, { ...options, tokenizer }, answers)));
  } catch {
    return null;
  }
}
