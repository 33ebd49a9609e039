/** What a GGUF file says of a vocabulary, whichever its kind. @module */
import type { JsonObject, JsonValue } from "../data/formats/json_rows.ts";
import { UserError } from "../error.ts";
import { quote } from "../values.ts";
import type { GgufContents } from "./gguf_bytes.ts";
import { addedTokens } from "./token_list.ts";

/** A vocabulary as llama.cpp reads it. */
export interface Vocabulary {
  readonly metadata: GgufContents["metadata"];
  /** What llama.cpp does otherwise, for the user. */
  readonly notes: readonly string[];
}

/** Throws a UserError for a setting of a BPE model that llama.cpp has not. */
export function refuseSettings(json: JsonObject, neutral: Readonly<Record<string, JsonValue>>): void {
  const model = json.model as JsonObject;
  for (const [key, value] of Object.entries(neutral)) {
    const found = model[key] ?? value;
    if (found !== value && found !== "" && found !== 0) {
      throw new UserError(
        `"model.${key}" is ${quote(found)}, expected ${quote(value)}, as llama.cpp has no such setting`,
      );
    }
  }
}

/** Notes on added tokens that take the spaces beside them, or must be whole words. */
export function addedTokenNotes(json: JsonObject): string[] {
  const first = addedTokens(json).find(({ lstrip, rstrip, single_word }) => lstrip || rstrip || single_word);
  if (first === undefined) return [];
  const flag = first.lstrip ? "lstrip" : first.rstrip ? "rstrip" : "single_word";
  return [
    `llama.cpp reads no ${flag} of added tokens, such as that of ${quote(first.content)}: spaces beside it may differ`,
  ];
}
