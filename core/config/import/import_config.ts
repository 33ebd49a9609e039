/** Turns a config of another program into one of ours. @module */
import { UserError } from "../../error.ts";
import { answerWithoutKey } from "../foreign/foreign_answers.ts";
import { ourName } from "../foreign/foreign_names.ts";
import { loadConfig } from "../load_config.ts";
import { importAxolotl } from "./axolotl_import.ts";
import { ConfigDraft, type ImportNote, shown } from "./config_draft.ts";
import { ForeignSource, readForeign } from "./foreign_source.ts";
import { readDatasetInfo } from "./llama_factory_data.ts";
import { importLlamaFactory } from "./llama_factory_import.ts";
import { type ForeignProgram, recognizeProgram } from "./recognize_program.ts";
import { importTrl } from "./trl_import.ts";

export type { ImportNote } from "./config_draft.ts";
export { FOREIGN_PROGRAMS, type ForeignProgram } from "./recognize_program.ts";

/** The programs' names for readers, with the versions whose meaning of the keys is taken. */
const NAMES: Readonly<Record<ForeignProgram, string>> = {
  trl: "TRL 1.13",
  "alignment-handbook": "alignment-handbook, with TRL 1.13",
  "llama-factory": "LLaMA-Factory 0.9",
  axolotl: "axolotl 0.18",
};

/** How a config is imported. */
export interface ImportOptions {
  /** Whose config it is; by default its keys tell. */
  from?: ForeignProgram;
  /** Which command of TRL it is of, where its keys do not tell. */
  method?: "dpo" | "sft";
  /** The file that a chat template which stands in the config itself is to be written into. */
  templateFile?: string;
}

/** A config that was imported. */
export interface ImportedConfig {
  /** Whose config it was. */
  program: ForeignProgram;
  /** Our config: YAML, with the notes as comments before the settings. */
  text: string;
  /** The keys that mean something else here, or have no counterpart. */
  notes: readonly ImportNote[];
  /** What `templateFile` is to hold; null if the config has no template in itself. */
  template: string | null;
}

/**
 * Turns a config of TRL, alignment-handbook, LLaMA-Factory or axolotl into one of ours, which loads: with the other
 * program's defaults written out, and a note for each key that means something else here or was left out. Throws a
 * UserError where that would train something else: another kind of training, loss, optimizer, schedule or adapter.
 */
export async function importConfig(file: string, options: ImportOptions = {}): Promise<ImportedConfig> {
  const values = await readForeign(file);
  const program = options.from ?? recognizeProgram(values, file);
  const source = new ForeignSource(values);
  const draft = new ConfigDraft(options.templateFile ?? null);
  if (program === "axolotl") importAxolotl(source, draft);
  else if (program === "llama-factory") importLlamaFactory(source, draft, await readDatasetInfo(values));
  else importTrl(source, draft, { isHandbook: program === "alignment-handbook", method: options.method });
  tellRest(source, draft);
  const text = draft.text([
    `From ${file}, a config of ${NAMES[program]}; its defaults are written out.`,
    "Orders and random numbers are dnpo's own. Batches are of one device: for N GPUs there, N times the accumulation.",
  ]);
  await check(draft, file);
  return { program, text, notes: draft.notes, template: draft.template };
}

/** Keys whose values are not copied into a config, which others may be given. */
const SECRET = /(hub_token|api_key|password|secret)$/;

/** Tells of the keys that nobody took; those that are off together in one line. */
function tellRest(source: ForeignSource, draft: ConfigDraft): void {
  const off: string[] = [];
  for (const { key, value } of source.left()) {
    const isOff = value === null || value === false || value === 0;
    const ours = ourName("", key);
    const text = answerWithoutKey(key) ?? (ours === undefined ? "not known to the import" : `see ${ours}`);
    if (isOff) off.push(key);
    else draft.missing(key, `${SECRET.test(key) ? "(hidden)" : shown(value)}: ${text}`);
  }
  if (off.length > 0) draft.missing(off.join(", "), "off there; here there is no such setting");
}

/** Throws a UserError if the settings are no valid config. */
async function check({ settings }: ConfigDraft, file: string): Promise<void> {
  try {
    await loadConfig(undefined, { defaults: settings });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const [first] = error.message.split("\n");
    throw new UserError(`Cannot import ${file}: ${first!.replace(/^config /, "as dnpo's ")}`);
  }
}
