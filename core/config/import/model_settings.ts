/** The model and its storage types. @module */
import { DTYPE_NAMES } from "../../dtype.ts";
import type { ConfigDraft } from "./config_draft.ts";
import type { ForeignSource } from "./foreign_source.ts";

/** Takes the model, with its revision on the hub. */
export function takeModel(
  source: ForeignSource,
  draft: ConfigDraft,
  { key, revision }: { key: string; revision: string },
): void {
  const name = source.text(key);
  const at = source.text(revision);
  if (name === undefined) draft.missing(key, "the config names no model; set model");
  else draft.set("model", at === undefined || at === "main" ? name : `${name}@${at}`);
}

/** Takes the storage type in which the model is loaded there and handed out here. */
export function takeDtype(source: ForeignSource, draft: ConfigDraft, { fallback }: { fallback: string }): void {
  const key = source.has("dtype") ? "dtype" : "torch_dtype";
  const dtype = source.text(key);
  source.take("torch_dtype");
  const word = dtype ?? fallback;
  const known = DTYPE_NAMES.find((name) => name === word);
  if (known === undefined) {
    if (word === "auto") {
      draft.differs(
        key,
        "auto is the type of the model's files, in which it is trained there; here weights are float32 until handed out in it",
      );
    } else draft.missing(key, `${word}: the model handed out has its source's type`);
    return;
  }
  draft.set("dtype", known, dtype === undefined ? { remark: "default of TRL" } : {});
  if (known !== "float32") draft.differs(key, `${known} is trained there; here weights are float32 until handed out`);
}

/** Tells of mixed precision, which is the other program's default. */
export function tellPrecision(
  source: ForeignSource,
  draft: ConfigDraft,
  { fallback }: { fallback: "bf16" | "none" },
): void {
  const isOn = (key: string): boolean => {
    const value = source.take(key);
    return value !== undefined && value !== false && String(value).toLowerCase() !== "false";
  };
  const isNone = !source.has("bf16") && !source.has("fp16");
  const [bf16, fp16] = [isOn("bf16"), isOn("fp16")];
  const text = "arithmetic is float32 here";
  if (bf16 || fp16) draft.differs(bf16 ? "bf16" : "fp16", text);
  else if (isNone && fallback === "bf16") draft.differs("bf16 (on by default)", text);
}
