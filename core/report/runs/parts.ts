/** Which parts of the method a run has, by its settings: judged labels, noise, both, or neither (SPIN). @module */
import type { RunView } from "../../run/run_reader.ts";
import { isRecord } from "../../values.ts";

/** What is trained on what; the middle four are the paper's ablation. */
export type Part = "SFT" | "DPO" | "SPIN" | "+ labels" | "+ noise" | "both (DNPO)";

/** The parts in the order of the table. */
export const PARTS: readonly Part[] = ["SFT", "DPO", "SPIN", "+ labels", "+ noise", "both (DNPO)"];

/** What each is, in words. */
export const PART_TEXTS: Readonly<Record<Part, string>> = {
  "SFT": "trained on the human answers",
  "DPO": "trained on pairs that the data has",
  "SPIN": "the human answer is always chosen, without noise",
  "+ labels": "a judge chooses, without noise",
  "+ noise": "the human answer is always chosen, with noise",
  "both (DNPO)": "a judge chooses, with noise",
};

/** The part that a run is of; null if its settings do not tell. A setting of any of its iterations counts. */
export function partOf({ config, stages, iterations }: Pick<RunView, "config" | "stages" | "iterations">): Part | null {
  const { method, stage } = config;
  if (stage !== undefined) return stage === "sft" ? "SFT" : null;
  if (method === "sft") return "SFT";
  if (method !== "dpo" && method !== "spin" && method !== "dnpo") return null;
  const generates = stages.some((line) => line.stage === "generate") ||
    iterations.some(({ values }) => values.generation_length !== undefined);
  if (method === "dpo" && !generates) return "DPO";
  const planned = typeof config.iterations === "number" ? config.iterations : Infinity;
  const labels = [config.labels ?? []].flat().slice(0, planned).filter(isRecord);
  const noises = [config.noise ?? []].flat().slice(0, planned);
  if (labels.length === 0 || noises.length === 0) return null;
  const isJudged = labels.some(({ judge }) => judge !== "human");
  const isNoisy = noises.some((noise) => isRecord(noise) && noise.update !== "none");
  return isJudged ? isNoisy ? "both (DNPO)" : "+ labels" : isNoisy ? "+ noise" : "SPIN";
}
