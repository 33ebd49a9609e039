/** The config that `dnpo init` writes: the keys one changes first, each with the schema's description. @module */
import { Document, isNode, isPair, type Scalar } from "yaml";
import { configJsonSchema } from "../core/config/config.ts";
import type { Method } from "../core/config/config_types.ts";
import { JUDGE_DEFAULTS } from "../core/config/server_defaults.ts";

/** What `dnpo init` asks. */
export interface Answers {
  model: string;
  data: string;
  method: Method;
  judge: string;
  verifier?: string;
  /** Folder or hub name of the judging model; of judge llm its name on the server. */
  judgeModel?: string;
  iterations: number;
  /** The run's folder; by the file's name where absent. */
  output?: string;
}

/** What a judge cannot do without, and the flag that gives it. */
export const NEEDED_BY_JUDGE: Readonly<Record<string, readonly { key: "verifier" | "judgeModel"; flag: string }[]>> = {
  verifier: [{ key: "verifier", flag: "--verifier" }],
  logprob: [{ key: "judgeModel", flag: "--judge-model" }],
  "reward-model": [{ key: "judgeModel", flag: "--judge-model" }],
  llm: [{ key: "judgeModel", flag: "--judge-model" }],
};

/** The judges that a few answers describe: an ensemble's members are written by hand. */
export function judgeChoices(): string[] {
  return choicesOf("labels", "judge").filter((judge) => judge !== "ensemble");
}

/** Keys that are written with their defaults, besides those that were answered. */
const SHOWN = [
  "data.max_length",
  "generation.temperature",
  "generation.max_new_tokens",
  "training.learning_rate",
  "training.per_device_train_batch_size",
  "training.gradient_accumulation_steps",
  "training.num_train_epochs",
  "training.beta",
  "noise.update",
  "noise.learning_rate",
  "noise.max_variance",
  "noise.alpha",
] as const;

interface Node {
  description?: string;
  default?: unknown;
  anyOf?: Node[];
  enum?: string[];
  properties?: Record<string, Node>;
}

/** The text of a config with these answers. */
export function writeStarter(answers: Answers, { path, schemaFile }: { path: string; schemaFile: string }): string {
  const { method, judge, iterations } = answers;
  const settings: Record<string, unknown> = {
    model: answers.model,
    ...(answers.output !== undefined && { output_dir: answers.output }),
    method,
    iterations,
    data: { train: answers.data },
    ...(method === "dnpo" && {
      labels: {
        judge,
        ...(judge === "verifier" && { verifier: answers.verifier }),
        ...((judge === "logprob" || judge === "reward-model") && { model: answers.judgeModel }),
        ...(judge === "llm" && { base_url: JUDGE_DEFAULTS.base_url, server_model: answers.judgeModel }),
      },
    }),
  };
  for (const key of SHOWN) {
    const [group, name] = key.split(".") as [string, string];
    const generates = method !== "sft";
    if ((group === "generation" && !generates) || (group === "noise" && method !== "dnpo")) continue;
    if (name === "beta" && !generates) continue;
    const value = find(key.split("."))?.default;
    if (value === undefined) continue;
    settings[group] = { ...settings[group] as Record<string, unknown> | undefined, [name]: value };
  }
  const document = new Document(settings);
  const comment = (at: readonly string[]): void => {
    const description = find(at)?.description;
    const parent: unknown = at.length > 1 ? document.getIn(at.slice(0, -1), true) : document.contents;
    const items: readonly unknown[] = (parent as { items?: unknown[] } | undefined)?.items ?? [];
    for (const item of items) {
      if (!isPair(item) || String((item.key as Scalar).value ?? item.key) !== at.at(-1)) continue;
      if (description && isNode(item.key)) item.key.commentBefore = ` ${description}`;
      if (at.length === 1 && isNode(item.key)) item.key.spaceBefore = true;
    }
  };
  for (const [key, value] of Object.entries(settings)) {
    comment([key]);
    if (typeof value === "object" && value !== null) { for (const name of Object.keys(value)) comment([key, name]); }
  }
  return `# yaml-language-server: $schema=./${schemaFile}
# Made by \`dnpo init\`. All settings and where they come from: dnpo config ${path}
# What a run will take: dnpo plan ${path}; the run: dnpo train ${path}
${document.toString({ lineWidth: 0 })}`;
}

/** The schema's node of a key. */
function find(path: readonly string[]): Node | undefined {
  const visit = (node: Node, left: readonly string[]): Node | undefined => {
    if (left.length === 0) return node;
    const inner = node.properties?.[left[0]!];
    if (inner) return visit(inner, left.slice(1));
    for (const branch of node.anyOf ?? []) {
      const found = visit(branch, left);
      if (found) return found;
    }
    return undefined;
  };
  return visit(configJsonSchema() as Node, path);
}

/** The words that a key of the schema takes. */
function choicesOf(...path: string[]): string[] {
  return find(path)?.enum ?? [];
}
