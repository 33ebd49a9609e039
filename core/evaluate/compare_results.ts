/** Two evaluations of the same documents, side by side. @module */
import type { FoundGroup } from "../benchmark/find_tasks.ts";
import { isSame } from "../data/formats/shared_prompt.ts";
import { UserError } from "../error.ts";
import { meanOf } from "./seed_means.ts";
import type { Sample } from "./sample_task.ts";
import { type PairedDifference, pairedDifference } from "./paired_difference.ts";

/** The difference of one metric of a task, or of all tasks of a group. */
export interface ResultDifference extends PairedDifference {
  /** The task or group. */
  name: string;
  metric: string;
  filter: string;
  /** The means of the two models on these documents. */
  value: number;
  baseline: number;
}

/** The samples of each task. */
export type TaskSamples = ReadonlyMap<string, readonly Sample[]>;

/** By task, the metrics whose results are means of documents' values. */
export type TaskMeans = ReadonlyMap<string, readonly string[]>;

/**
 * The paired differences of `samples` less `baseline` in the metrics that are means of documents' values, for every task
 * of `means`, then for every group. Throws a UserError where a task's documents or requests are not the same.
 */
export function compareResults(
  samples: TaskSamples,
  baseline: TaskSamples,
  { groups, means, of }: { groups: readonly FoundGroup[]; means: TaskMeans; of: string },
): ResultDifference[] {
  const pairs = new Map<string, Map<string, [number[], number[]]>>();
  for (const [task, own] of samples) {
    const other = baseline.get(task);
    if (other === undefined) {
      throw new UserError(`Cannot compare with ${of}: it has no samples of ${task}, expected those of the same tasks`);
    }
    pairs.set(task, pairsOf(own, other, { task, means: means.get(task) ?? [], of }));
  }
  const tasks = [...pairs].flatMap(([name, metrics]) => differencesOf(name, metrics));
  const pooled = groups.filter(({ metrics }) => metrics.length > 0).flatMap(({ name, leaves, metrics }) => {
    const members = leaves.flatMap((leaf) => pairs.get(leaf) ?? []);
    const wanted = new Set(metrics.map(({ metric }) => metric));
    const all = new Map<string, [number[], number[]]>();
    for (const [key, [own, other]] of members.flatMap((member) => [...member])) {
      if (!wanted.has(key.split(",")[0]!)) continue;
      const both = all.get(key) ?? [[], []];
      both[0].push(...own);
      both[1].push(...other);
      all.set(key, both);
    }
    return differencesOf(name, all);
  });
  return [...tasks, ...pooled];
}

/** What tells documents and prompts apart; of the prompts it is the first request's context alone. */
const HASHES = ["doc_hash", "prompt_hash", "target_hash"] as const;

/** The values of both models by `metric,filter`, in the order of the documents. */
function pairsOf(
  own: readonly Sample[],
  other: readonly Sample[],
  { task, means, of }: { task: string; means: readonly string[]; of: string },
): Map<string, [number[], number[]]> {
  const key = ({ doc_id, filter }: Sample): string => `${doc_id} ${filter}`;
  const others = new Map(other.map((sample) => [key(sample), sample]));
  if (own.length !== other.length) {
    throw new UserError(
      `Cannot compare ${task} with ${of}: it has ${other.length} samples, expected ${own.length} (the same --limit)`,
    );
  }
  const pairs = new Map<string, [number[], number[]]>();
  for (const sample of own) {
    const match = others.get(key(sample));
    const hash = HASHES.find((name) => sample[name] !== match?.[name]);
    const has = hash !== undefined
      ? `another ${hash}`
      : isSame(sample.arguments!, match!.arguments ?? null)
      ? null
      : "other arguments";
    if (match === undefined || has !== null) {
      throw new UserError(
        `Cannot compare ${task} with ${of}: document ${sample.doc_id} has ${has}, expected the same prompts, choices and ` +
          "settings of generation (rows, examples, seed, chat template, --gen-kwargs)",
      );
    }
    for (const metric of means) {
      const [a, b] = [sample[metric], match[metric]].map((value) => typeof value === "boolean" ? Number(value) : value);
      if (typeof a !== "number" || typeof b !== "number") continue;
      const name = `${metric},${sample.filter}`;
      const both = pairs.get(name) ?? [[], []];
      both[0].push(a);
      both[1].push(b);
      pairs.set(name, both);
    }
  }
  return pairs;
}

function differencesOf(name: string, pairs: ReadonlyMap<string, [number[], number[]]>): ResultDifference[] {
  return [...pairs].map(([key, [own, other]]) => {
    const [metric, filter] = key.split(",") as [string, string];
    return {
      name,
      metric,
      filter,
      value: meanOf(own).mean,
      baseline: meanOf(other).mean,
      ...pairedDifference(own, other),
    };
  });
}
