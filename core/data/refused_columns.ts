/** Columns that would change what a row means, and are not read: ignoring them in silence would train on something else. @module */
import { UserError } from "../error.ts";
import type { JsonObject, JsonValue } from "./formats/json_rows.ts";
import { hasField, wrong } from "./formats/row_fields.ts";

/** KTO's columns, which say whether an answer is good: TRL's and LLaMA-Factory's names. */
const LABELS = ["label", "kto_tag"] as const;

const VERDICTS: readonly string[] = [
  ...["true", "false", "1", "0", "1.0", "0.0", "yes", "no"],
  ...["desirable", "undesirable", "good", "bad", "chosen", "rejected"],
];

/** The columns that make a data set TRL's of images, and LLaMA-Factory's of other media. */
const MEDIA = ["image", "images", "videos", "audios"] as const;

/** The columns that are looked at. Media are not among them: a table's are not loaded. */
export const REFUSED_COLUMNS: readonly string[] = [...LABELS, "history"];

/**
 * Throws a UserError if a row has a column that is not read and cannot be ignored. `kind` is what the row was taken for,
 * `used` the columns of its shape, `all` the columns of its table. A number beside a plain text is its class: KTO's rows have a prompt.
 */
export function refuseColumns(
  row: JsonObject,
  { kind, used, all }: { kind: string; used: readonly string[]; all: readonly string[] },
): void {
  const hasOneAnswer = kind === "text" || kind === "chat";
  const isClassified = used.includes("text") && typeof row.label !== "boolean";
  for (const key of LABELS) {
    if (isClassified && key === "label") continue;
    if (!hasOneAnswer || !hasField(row, key) || !isVerdict(row[key]!)) continue;
    throw new UserError(
      `"${key}" is ${
        JSON.stringify(row[key])
      }: the row is KTO's, an answer and whether it is good, which is not read; ` +
        "expected pairs {prompt, chosen, rejected}, or good answers alone without that column (another name, if it is " +
        "no verdict)",
    );
  }
  if (hasField(row, "history") && hasField(row, "instruction") && !isEmpty(row.history!)) {
    throw wrong("history", row.history, 'no earlier turns beside "instruction" (or the conversation as "messages")');
  }
  if (kind.startsWith("ids")) return;
  for (const key of MEDIA) {
    const isThere = hasField(row, key) ? !isEmpty(row[key]!) : all.includes(key) && !Object.hasOwn(row, key);
    if (isThere) throw new UserError(`the row has "${key}", expected text alone: images and other media are not read`);
  }
}

/** Whether a label may be KTO's: true or false, also as the texts and numbers that tables write for them. */
function isVerdict(label: JsonValue): boolean {
  return VERDICTS.includes(String(label).trim().toLowerCase());
}

function isEmpty(value: JsonValue): boolean {
  return value === "" || Array.isArray(value) && value.length === 0;
}
