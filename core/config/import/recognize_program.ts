/** Which program a config is of, by its keys. @module */
import { UserError } from "../../error.ts";
import type { Mapping } from "../yaml_source.ts";

/** A program whose configs are imported. */
export type ForeignProgram = "trl" | "alignment-handbook" | "llama-factory" | "axolotl";

/** The programs whose configs are imported. */
export const FOREIGN_PROGRAMS: readonly ForeignProgram[] = ["trl", "alignment-handbook", "llama-factory", "axolotl"];

/** Keys that only one of the programs has, parted by spaces. */
const OWN: Readonly<Record<Exclude<ForeignProgram, "trl">, string>> = {
  axolotl: "base_model sequence_len micro_batch_size num_epochs val_set_size rl rl_beta adapter lora_target_linear " +
    "sample_packing lora_model_dir test_datasets dataset_prepared_path lr_scheduler",
  "llama-factory": "stage finetuning_type cutoff_len template pref_beta pref_loss lora_rank lora_target dataset " +
    "dataset_dir quantization_bit overwrite_cache plot_loss val_size",
  "alignment-handbook": "dataset_mixer dataset_splits dataset_configs dataset_mixture chat_template",
};

/** Keys that only a config of this project has. */
const OURS = ["model", "data", "training", "labels", "noise", "iterations", "generation"];

/** The program that has most of the keys. Throws a UserError if none of them is known, or if they are dnpo's own. */
export function recognizeProgram(values: Mapping, file: string): ForeignProgram {
  const ours = OURS.filter((key) => Object.hasOwn(values, key));
  if (ours.length > 1) {
    throw new UserError(
      `Cannot import ${file}: it has dnpo's own keys (${ours.join(", ")}), so that it needs no import`,
    );
  }
  const counts = Object.entries(OWN).map(([program, keys]) => ({
    program: program as ForeignProgram,
    count: keys.split(" ").filter((key) => Object.hasOwn(values, key)).length,
  })).sort((a, b) => b.count - a.count);
  if (counts[0]!.count > 0) return counts[0]!.program;
  if (Object.hasOwn(values, "model_name_or_path") || Object.hasOwn(values, "dataset_name")) return "trl";
  throw new UserError(
    `Cannot import ${file}: its keys are those of none of ${FOREIGN_PROGRAMS.join(", ")}; --from NAME says whose it is`,
  );
}
