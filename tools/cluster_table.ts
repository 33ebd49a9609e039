/** Writes the tables of docs/cluster.md: how far ranks take a training, by a model (`deno task docs:cluster`). @module */
import { join } from "node:path";
import { loadConfig } from "../core/config/config.ts";
import { planRun } from "../core/plan/plan_run.ts";
import { stepExchange } from "../core/plan/rank_exchange.ts";
import { type RankLoads, rankLoads } from "../core/plan/rank_loads.ts";
import { efficiencyOf, stepTimes } from "../core/plan/rank_times.ts";
import type { RanksPlan } from "../core/plan/ranks_plan.ts";
import type { StagingSpeed } from "../core/plan/staging_speed.ts";
import { usualGpu } from "../kernels/device/usual_gpu.ts";
import { philox4x32 } from "../kernels/random/philox.ts";
import { gigabytes } from "./memory_table.ts";
import { SHAPES, writeShape } from "./model_shapes.ts";

const MODEL = "Zephyr-7B";

/** Mean tokens of a prompt, and of each of its two answers; the lengths of pairs are log-normal with this variation. */
const PAIR = { prompt: 256, answer: 300, variation: 0.35 };

/** FLOP per second of a rank: a card of 82.6 TFLOP/s in float32, of which the kernels reach 30 %. */
const RATE = 0.3 * 82.6e12;

/** What Mesa's driver for the CPU and two cores were measured at; a GPU's copies are unknown. The page says them. */
const STAGING: StagingSpeed = { down: 0.9e9, up: 1.3e9, sum: 0.5e9 };

const DPO = { method: "dpo", noise: "none" } as const;
const DNPO = { method: "dnpo", noise: { update: "joint" } } as const;

/** Updates of a step. */
const PASSES = { dpo: { policy: 1, noise: 0, all: 1 }, joint: { policy: 1, noise: 1, all: 1 } };

/** How the model is trained, and over which links, by the heads of the table's columns. */
const WAYS = [
  { head: "LoRA", keys: { ...DPO, lora: {} }, links: [1e9, 10e9, 100e9] },
  { head: "DNPO, LoRA", keys: { ...DNPO, lora: {} }, links: [10e9, 100e9] },
  { head: "full", keys: DPO, links: [10e9, 100e9] },
] as const;

/** Ranks, and rows of a step. */
const JOBS = [[8, 64], [16, 64], [32, 64], [64, 64], [64, 256], [256, 1024], [1024, 1024], [1024, 4096]] as const;

/** Steps whose lengths are drawn. */
const STEPS = 32;

/** A step over one pair. */
interface PairPlan {
  flop: number;
  bytes: number;
  ranks: RanksPlan;
}

interface Planned extends PairPlan {
  way: (typeof WAYS)[number];
}

/** The plan of a step over one pair of mean lengths, over a model of the shape in `dir`. */
async function planOf(dir: string, keys: Readonly<Record<string, unknown>>, ranks: number): Promise<PairPlan> {
  const ids = (count: number): number[] => Array(count).fill(5);
  const pair = { prompt_ids: ids(PAIR.prompt), chosen_ids: ids(PAIR.answer), rejected_ids: ids(PAIR.answer) };
  await Deno.writeTextFile(join(dir, "pairs.jsonl"), JSON.stringify(pair) + "\n");
  await writeShape(join(dir, MODEL), SHAPES[MODEL]!);
  const config = await loadConfig(undefined, {
    defaults: {
      model: join(dir, MODEL),
      output_dir: join(dir, "run"),
      pairs: join(dir, "pairs.jsonl"),
      ...keys,
      training: { per_device_train_batch_size: 1, max_steps: 1, gradient_checkpointing: true },
    },
  });
  const plan = await planRun(config, { device: usualGpu(), time: false, ranks: { count: ranks } });
  if (plan.bytes === null || !plan.ranks) throw new Error(`Cannot plan ${MODEL}: ${plan.stages[0]!.problem}`);
  return { flop: plan.flop, bytes: plan.bytes, ranks: plan.ranks };
}

/** Tokens of a pair, drawn by its number. */
function drawnTokens(pair: number): number {
  const [a, b] = philox4x32([pair, 0, 0, 0], [17, 0]).map((word) => (word + 0.5) / 2 ** 32);
  const normal = Math.sqrt(-2 * Math.log(a!)) * Math.cos(2 * Math.PI * b!);
  const spread = Math.sqrt(Math.log(1 + PAIR.variation ** 2));
  return Math.round((PAIR.prompt + 2 * PAIR.answer) * Math.exp(spread * normal - spread ** 2 / 2));
}

/** The loads of ranks over drawn steps, with a shard for each rank. */
export function drawnLoads(ranks: number, rows: number): RankLoads {
  return rankLoads({ ids: (place) => [Array<number>(drawnTokens(place))] }, {
    order: {
      steps: STEPS,
      stepsPerEpoch: STEPS,
      rowsOf: (step) => Array.from({ length: rows }, (_, i) => step * rows + i),
    },
    settings: { ranks, shards: ranks, gradientDtype: "float32" },
  });
}

/** Efficiency of ranks whose steps have `rows` pairs. */
function efficiency(
  { flop, ranks: { trained }, way: { keys } }: Planned,
  { ranks, rows, bits, loads }: { ranks: number; rows: number; bits: number; loads: RankLoads },
): number {
  const exchange = stepExchange(trained, {
    settings: { ranks, shards: ranks, gradientDtype: "float32" },
    passes: keys.noise === "none" ? PASSES.dpo : PASSES.joint,
  });
  const alone = rows * flop / RATE;
  return efficiencyOf(stepTimes(exchange, { ranks, bits, alone, loads, staging: STAGING }), { ranks, alone });
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}

function markdown(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(heads), `|${" ---: |".repeat(heads.length)}`, ...rows.map(line)].join("\n");
}

async function tables(dir: string): Promise<string> {
  const planned: Planned[] = [];
  for (const way of WAYS) planned.push({ way, ...await planOf(dir, way.keys, 1) });
  const heads = WAYS.flatMap(({ head, links }) => links.map((bits) => `${head}, ${bits / 1e9}G`));
  const rows = JOBS.map(([ranks, rows]) => {
    const loads = drawnLoads(ranks, rows);
    const cells = planned.flatMap((plan) =>
      plan.way.links.map((bits) => percent(efficiency(plan, { ranks, rows, bits, loads })))
    );
    return [
      ranks.toLocaleString("en-US"),
      rows.toLocaleString("en-US"),
      percent(loads.tokens / ranks / loads.heaviest),
      ...cells,
    ];
  });
  const memory: string[][] = [];
  for (const ranks of [1, 8, 64, 1024]) {
    const cells = [];
    for (const keys of [{ ...DPO, lora: {} }, { ...DNPO, lora: {} }, DPO, DNPO]) {
      cells.push(gigabytes((await planOf(dir, keys, ranks)).bytes));
    }
    memory.push([ranks.toLocaleString("en-US"), ...cells]);
  }
  return [
    markdown(["ranks", "rows of a step", "lengths alone", ...heads], rows),
    "",
    "Memory of a rank, in GB, of the same pairs:",
    "",
    markdown(["ranks", "LoRA, DPO", "LoRA, DNPO", "full, DPO", "full, DNPO"], memory),
  ].join("\n");
}

const [BEGIN, END] = ["<!-- deno task docs:cluster writes what follows -->", "<!-- up to here -->"];

/** The page with other tables between its marks. Throws an Error where it has no marks. */
export function withTables(page: string, tables: string): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`docs/cluster.md has no "${BEGIN}" before a "${END}"`);
  return `${page.slice(0, begin)}${BEGIN}\n\n${tables}\n\n${page.slice(end)}`;
}

if (import.meta.main) {
  const dir = await Deno.makeTempDir({ prefix: "dnpo-shapes-" });
  try {
    const page = await Deno.readTextFile("docs/cluster.md");
    await Deno.writeTextFile("docs/cluster.md", withTables(page, await tables(dir)));
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
  const { success } = await new Deno.Command(Deno.execPath(), { args: ["fmt", "-q", "docs/cluster.md"] }).output();
  if (!success) throw new Error("Cannot format docs/cluster.md");
}
