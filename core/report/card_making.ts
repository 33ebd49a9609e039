/** What a run's settings tell of how its model was made, for its card. @module */
import { counted } from "../counted.ts";
import type { RunRecord } from "../run/read_run.ts";
import { isRecord } from "../values.ts";
import { CITATIONS } from "./citations.ts";
import { escapeMarkdown, markdownCode } from "./markup.ts";

const METHODS: Readonly<Record<string, string>> = {
  dnpo: "Dynamic Noise Preference Optimization (DNPO)",
  dpo: "Direct Preference Optimization (DPO)",
  spin: "Self-Play Fine-Tuning (SPIN)",
  sft: "supervised fine-tuning (SFT)",
};

/** What the settings tell of the method. */
export interface Making {
  /** Its name, with how often it was applied; null if nothing is known. */
  method: string | null;
  /** By what the model was made: `2 iterations of …`; null if nothing is known. */
  by: string | null;
  tags: readonly string[];
  /** Whether the model answered, and a judge labelled the answers. */
  generates: boolean;
  /** Whether the noise is worth a line. */
  hasNoise: boolean;
  /** The paper of the method, in BibTeX; empty if it has none. */
  citation: string;
}

/** Reads it from the settings, and from the stages that the run logged. */
export function makingOf(settings: Record<string, unknown>, { stages }: Pick<RunRecord, "stages">): Making {
  const { stage } = settings;
  const method = stage === "sft" ? "sft" : settings.method;
  if (stage === "optimize") {
    const what = `preference optimization on given pairs with loss ${
      markdownCode(String(valueAt(settings, "training.loss_type")))
    }`;
    const hasNoise = isRecord(settings.noise);
    return { method: what, by: what, tags: ["preference-optimization"], generates: false, hasNoise, citation: "" };
  }
  if (typeof method !== "string") {
    return { method: null, by: null, tags: [], generates: false, hasNoise: false, citation: "" };
  }
  const name = (Object.hasOwn(METHODS, method) ? METHODS[method]! : escapeMarkdown(method)) +
    (method === "dnpo" ? lacking(settings) : "");
  const paper = method === "dnpo" ? " ([arXiv 2502.05400](https://arxiv.org/abs/2502.05400))" : "";
  const count = Number(settings.iterations ?? 1);
  return {
    method: name,
    by: `${stage === undefined ? `${counted(count, "iteration")} of ` : ""}${name}${paper}`,
    tags: [method, method === "sft" ? "sft" : "preference-optimization"],
    // Method dpo generates answers where its rows have no pairs.
    generates: method === "dnpo" || method === "spin" || stages.some(({ stage }) => stage === "label"),
    hasNoise: method === "dnpo" && settings.noise !== undefined,
    citation: Object.hasOwn(CITATIONS, method) ? CITATIONS[method]! : "",
  };
}

/** What of DNPO a run did without, in words behind its name. */
function lacking(settings: Record<string, unknown>): string {
  const without = [
    ...(judgesOf(settings).some((judge) => judge !== "human") || settings.labels === undefined ? [] : ["a judge"]),
    ...(noisesOf(settings).some((noise) => noise !== "none") || settings.noise === undefined ? [] : ["noise"]),
  ];
  return without.length === 0 ? "" : ` without ${without.join(" and ")}`;
}

/** The judge of each entry of the settings' labels. */
export function judgesOf(settings: Record<string, unknown>): string[] {
  return [settings.labels].flat().filter(isRecord).map(({ judge }) => String(judge));
}

/** A judge in words. */
export function judgeText(judge: string): string {
  return judge === "human" ? "human (the human answer is always chosen)" : escapeMarkdown(judge);
}

/** How each entry of the settings' noise is updated. */
export function noisesOf(settings: Record<string, unknown>): string[] {
  return [settings.noise].flat().map((entry) => isRecord(entry) ? String(entry.update) : String(entry));
}

/** The loss and its temperature; null if the settings do not tell. */
export function lossOf(settings: Record<string, unknown>): string | null {
  const [type, beta] = [valueAt(settings, "training.loss_type"), valueAt(settings, "training.beta")];
  if (typeof type !== "string") return null;
  if (type === "sft") return "cross-entropy of the answers (`sft`)";
  return `${markdownCode(type)}${beta === undefined ? "" : `, beta ${escapeMarkdown([beta].flat().join(", "))}`}`;
}

/** The setting of a dotted key; undefined if there is none. */
export function valueAt(settings: Record<string, unknown>, key: string): unknown {
  return key.split(".").reduce<unknown>((value, step) => isRecord(value) ? value[step] : undefined, settings);
}
