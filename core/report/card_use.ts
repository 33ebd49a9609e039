/** How to load a model or an adapter from the hub, for its card. @module */
import { isGgufPath } from "../files/model_files.ts";
import { escapeUnsafe } from "../safe_text.ts";
import { markdownCode } from "./markup.ts";

/**
 * The Python that loads what `repo` holds: with transformers a model, with PEFT an adapter. `base` is the name of the
 * adapter's base if that is not on the hub.
 */
export function useText(repo: string, { adapter, base }: { adapter: boolean; base: string | null }): string {
  const [name, needs, load] = [
    quoted(repo),
    adapter ? (base === null ? NEEDS.adapter : NEEDS.adapterOfLocal) : NEEDS.model,
    adapter ? "AutoPeftModelForCausalLM" : "AutoModelForCausalLM",
  ];
  const tokenizer = `tokenizer = AutoTokenizer.from_pretrained(${name})`;
  if (!adapter || base === null) return python(needs, [tokenizer, `model = ${load}.from_pretrained(${name})`]);
  const isGguf = isGgufPath(base);
  return [
    `The base model ${markdownCode(base)} is not on the hub: you need a copy of it${
      isGguf ? ", and the package gguf" : ""
    }.`,
    python(needs, [
      tokenizer,
      isGguf
        ? `base = AutoModelForCausalLM.from_pretrained("path/to/its/folder", gguf_file=${quoted(base)})`
        : `base = AutoModelForCausalLM.from_pretrained(${quoted(`path/to/${base}`)})`,
      `model = PeftModel.from_pretrained(base, ${name})`,
    ]),
  ].join("\n\n");
}

const NEEDS = {
  model: ["from transformers import AutoModelForCausalLM, AutoTokenizer"],
  adapter: ["from peft import AutoPeftModelForCausalLM", "from transformers import AutoTokenizer"],
  adapterOfLocal: ["from peft import PeftModel", "from transformers import AutoModelForCausalLM, AutoTokenizer"],
};

function python(imports: readonly string[], lines: readonly string[]): string {
  return ["```python", ...imports, "", ...lines, "```"].join("\n");
}

/** A text as Python has it between quotes. */
function quoted(text: string): string {
  return escapeUnsafe(JSON.stringify(text));
}
