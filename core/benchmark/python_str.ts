/** Values of rows as Python writes them. @module */
import { jsonText, type JsonValue } from "../data/formats/json_numbers.ts";
import { jsonOf } from "../data/tokenizer/template/json_text.ts";
import { textOf } from "../data/tokenizer/template/python_text.ts";
import { toPython } from "../data/tokenizer/template/python_values.ts";
import { Limits } from "../data/tokenizer/template/template_limits.ts";

/** Milliseconds that a value may take, which none comes near. */
const MAX_MS = 60_000;

function limitsFor(value: JsonValue): Limits {
  return new Limits({ size: jsonText(value).length, milliseconds: MAX_MS });
}

/** `str(value)`. */
export function pythonStr(value: JsonValue): string {
  return typeof value === "string" ? value : textOf(toPython(value), limitsFor(value));
}

/** `json.dumps(value, indent=2, ensure_ascii=False)`. */
export function pythonJson(value: JsonValue): string {
  const options = { isAscii: false, indent: "  ", separators: [",", ": "] as const, sortKeys: false };
  return jsonOf(toPython(value), options, limitsFor(value));
}
