/** The figures of a run: the paper's curves, drawn from its metrics and its summary. @module */
import { mainNumbers } from "../benchmark/benchmark_numbers.ts";
import { iterationValues, type RunRecord } from "../run/read_run.ts";
import { isRecord, largest } from "../values.ts";
import { type Chart, describeChart, drawChart, type Level, type Size, svg } from "./chart.ts";
import { iterationChart, measureSeries } from "./iteration_curves.ts";
import { measureOf } from "./measures.ts";
import { type StepCurve, type StepCurves, stepCurves } from "./step_curves.ts";

/** A figure. */
export interface Figure {
  /** What it shows; the same in every run. */
  title: string;
  /** How to read it, in a sentence or two. */
  reading: string;
  /** A whole SVG file for wide pages. */
  svg: string;
  /** The same drawn for narrow ones. */
  narrow: string;
}

/** What is known besides the record, for the intervals and the words. */
export interface FigureFacts {
  /** The run's settings. */
  config: Readonly<Record<string, unknown>>;
  /** Held-out rows by iteration. */
  evaluated: ReadonlyMap<number, number>;
  /** Of how many logged steps the record holds one. */
  stride: number;
}

/** A chart and how to read it. */
export interface ReadChart {
  chart: Chart;
  reading: string;
}

const WIDE: Size = { width: 560, height: 300 };
const NARROW: Size = { width: 340, height: 270 };

const NO_FACTS: FigureFacts = { config: {}, evaluated: new Map(), stride: 1 };

/** A run's figures; those without data are left out. */
export function runFigures(run: RunRecord & Partial<FigureFacts>): Figure[] {
  return runCharts(run, { ...NO_FACTS, ...run }).map(drawFigure);
}

/** A chart drawn for wide and for narrow pages, without its title, which the page has. */
export function drawFigure({ chart, reading }: ReadChart): Figure {
  const label = describeChart(chart);
  const draw = (size: Size): string => svg(drawChart(chart, size, { titled: false }), { ...size, label });
  return { title: chart.title, reading, svg: draw(WIDE), narrow: draw(NARROW) };
}

/**
 * Accuracy over iterations beside model loss and reward margin over steps: one SVG file, for a README.
 */
export function readmeFigure(run: RunRecord): string {
  const all = runCharts(run, NO_FACTS).map(({ chart }) => chart);
  const results = all.some(({ title }) => title === RESULTS) ? RESULTS : SCORES;
  const charts = [results, LOSS, REWARDS].flatMap((title) => all.filter((chart) => chart.title === title));
  const panel = { width: 400, height: 280 };
  const panels = charts.map((chart, i) =>
    `<g transform="translate(${i * panel.width} 0)">${drawChart(chart, panel)}</g>`
  );
  const label = charts.map(({ title }) => title).join("; ");
  return svg(panels.join(""), { width: panel.width * Math.max(1, charts.length), height: panel.height, label });
}

const RESULTS = "Right answers on held-out prompts";
const SCORES = "Scores of answers to held-out prompts";
const LOSS = "Model loss";
const REWARDS = "Implicit rewards";

/** Losses that are ln 2 where the policy is the reference. */
const LOGISTIC = ["sigmoid", "robust"];

function runCharts(run: RunRecord, facts: FigureFacts): ReadChart[] {
  return [...iterationCharts(run, facts), ...stepCharts(run, facts)].filter(({ chart }) => chart.series.length > 0);
}

/** The most lines of one chart that can be told apart. */
const MOST_LINES = 8;

/** The benchmarks that are shares, by their names; a perplexity has another scale. */
function benchmarkLines(
  rows: ReturnType<typeof iterationValues>,
): { lines: Record<string, string>; text: string } {
  const isShare = (key: string): boolean => rows.every(({ values: { [key]: value = 0 } }) => value >= 0 && value <= 1);
  const keys = mainNumbers(rows.flatMap(({ values }) => Object.keys(values))).filter(isShare);
  const shown = keys.slice(0, MOST_LINES);
  return {
    lines: Object.fromEntries(shown.map((key) => [measureOf(key).name, key])),
    text: shown.length === keys.length ? "" : ` Drawn are the first ${MOST_LINES} of ${keys.length}.`,
  };
}

function iterationCharts(run: RunRecord, { evaluated }: FigureFacts): ReadChart[] {
  const rows = iterationValues(run);
  const benchmarks = benchmarkLines(rows);
  const of = (
    title: string,
    yLabel: string,
    keys: Readonly<Record<string, string>>,
    reading: string,
    more: Partial<Chart> = {},
  ): ReadChart => {
    const lines = Object.entries(keys).map(([name, key]) => measureSeries(name, key, { rows, evaluated }));
    return { chart: iterationChart(lines, { title, yLabel, ...more }), reading };
  };
  const bars = " The bars are 95 % intervals: what lies within them may be chance.";
  const counts = [...new Set(evaluated.values())];
  return [
    of(
      RESULTS,
      `share of ${counts.length === 1 ? `${counts[0]} ` : ""}held-out prompts`,
      {
        sampled: "sampled",
        greedy: "greedy",
      },
      "Higher is better. “Sampled” answers are drawn as in training, “greedy” takes the likeliest token each time." +
        bars,
      { share: true },
    ),
    of(
      SCORES,
      "mean score",
      {
        sampled: "sampled_score",
        greedy: "greedy_score",
      },
      "The verifier's scores: higher is better. “Sampled” answers are drawn as in training, “greedy” takes the likeliest " +
        "token each time." + bars,
    ),
    of(
      "Benchmarks",
      "score",
      benchmarks.lines,
      "As lm-evaluation-harness scores them." + benchmarks.text + bars,
    ),
    of(
      "Loss on held-out human answers",
      "nats per token",
      { [measureOf("eval_loss").name]: "eval_loss" },
      "Lower means that the human answers have become more probable; preference training may raise it and still improve " +
        "the answers.",
    ),
    of(
      "Held-out pairs ranked right",
      "share of held-out pairs",
      { [measureOf("eval_rewards_accuracies").name]: "eval_rewards_accuracies" },
      "Share of the held-out pairs whose chosen answer has gained more than the rejected one since the run began. At the " +
        "start none has gained." + bars,
      { share: true, levels: [{ y: 0.5, label: "even" }] },
    ),
    of(
      "Rewards of held-out pairs",
      "β · log-ratio to the model at the start",
      {
        chosen: "eval_rewards_chosen",
        rejected: "eval_rewards_rejected",
        margin: "eval_rewards_margins",
      },
      "As the rewards of training below, on rows that it does not see. A margin that grows there and not here is learned " +
        "by heart.",
      { levels: [{ y: 0, label: "" }] },
    ),
    of(
      "How often the generated answer wins",
      "share of pairs",
      { [measureOf("generated_chosen").name]: "generated_chosen" },
      "The judge's verdict on answers that the model gave before the iteration. Rising means that the model comes nearer " +
        "to the human answers, or passes them: above 50 %, even, it wins more often than they do." + bars,
      { share: true, levels: [{ y: 0.5, label: "even" }] },
    ),
    of(
      "The judge's scores",
      "mean score",
      { human: "score_human", generated: "score_generated" },
      "Human answers are the same in each iteration, but the pairs are not: rows whose two answers are equal drop out.",
    ),
    of(
      "Length of the answers",
      "tokens",
      { chosen: "length_chosen", rejected: "length_rejected" },
      "Where the chosen answers are longer, iteration after iteration, the judge may be rewarding length.",
      { least: 0.2 * largest(rows, ({ values }) => values.length_chosen ?? 0) },
    ),
  ];
}

function stepCharts(run: RunRecord, { config, stride }: FigureFacts): ReadChart[] {
  const curves = stepCurves(run.steps, run.evals);
  const training = isRecord(config.training) ? config.training : {};
  // An old or single stage tells no loss: preference losses log rewards.
  const lossType = typeof training.loss_type === "string"
    ? training.loss_type
    : run.steps.some(({ values }) => values["rewards/margins"] !== undefined)
    ? "sigmoid"
    : "";
  const isLogistic = LOGISTIC.includes(lossType);
  const start: Level[] = isLogistic ? [{ y: Math.LN2, label: "ln 2" }] : [];
  const mirrored = mirrorsLoss(run);
  const mean = ` Each point is the mean of ${curves.perPoint}`;
  const perPoint = curves.perPoint === 1
    ? ""
    : stride === 1
    ? `${mean} logged steps.`
    : `${mean} steps, one of every ${stride} that were logged.`;
  const of = (
    title: string,
    yLabel: string,
    keys: Readonly<Record<string, string>>,
    reading: string,
    more: Partial<Chart> = {},
    curve: StepCurve = {},
  ): ReadChart => ({ chart: curves.chart({ title, yLabel, keys, ...more }, curve), reading: reading + perPoint });
  const rowsOf = pairsOfSteps(run, training);
  const scatters = rowsOf === null ? "" : " The last step of an epoch may have few pairs, and scatters.";
  return [
    of(
      LOSS,
      "nats",
      { [measureOf("loss").name]: "loss" },
      [
        isLogistic
          ? "It begins near ln 2 in each iteration, as the reference is then the model itself, and falls as chosen answers " +
            "gain on rejected ones."
          : "Lower is better on the rows that are trained on.",
        mirrored ? "The noise generator's loss is its negative, and is not drawn." : "",
      ].filter(Boolean).join(" ") + scatters,
      { levels: start },
    ),
    of(
      "Noise loss",
      "nats",
      mirrored ? {} : { [measureOf("noise_loss").name]: "noise/loss" },
      "What the noise generator minimizes: it looks for the noise that makes the model's loss largest.",
    ),
    of(
      REWARDS,
      "β · log-ratio to the reference",
      {
        chosen: "rewards/chosen",
        rejected: "rewards/rejected",
        margin: "rewards/margins",
      },
      "The margin, chosen less rejected, should grow. Where both fall and only the margin grows, the model also unlearns " +
        "chosen answers.",
      { levels: [{ y: 0, label: "" }] },
    ),
    of(
      "Pairs ranked as labelled",
      "share of a step's pairs",
      { [measureOf("rewards_accuracies").name]: "rewards/accuracies" },
      "Share of the pairs whose chosen answer has gained more than the rejected one. Steps at which the model is still the " +
        "reference have no ranking and are left out." +
        (rowsOf === null ? "" : " The band is the 95 % interval of the pairs of a point."),
      { share: true, levels: [{ y: 0.5, label: "even" }] },
      { skip: ({ values }) => values["rewards/margins"] === 0 && values["rewards/accuracies"] === 0, rows: rowsOf },
    ),
    ...heldOutCharts(curves),
    of(
      "Log-probabilities",
      "nats per answer",
      { chosen: "logps/chosen", rejected: "logps/rejected" },
      "Summed over the tokens of an answer, with the model as it is: nearer to 0 is more probable, and longer answers lie " +
        "lower.",
    ),
    of(
      "Noise variance",
      "mean σ²",
      { [measureOf("noise_variance").name]: "noise/variance" },
      "How much noise the generator puts on the reference; it shrinks where noise no longer raises the loss.",
    ),
    of(
      "Gradient norm",
      "norm before clipping",
      { "model": "grad_norm" },
      "Single peaks are usual; a rise over many steps says that the learning rate is too high.",
    ),
  ];
}

/** What evaluations between steps found. */
function heldOutCharts(curves: StepCurves): ReadChart[] {
  return [
    {
      chart: curves.chart({
        title: "Held-out rows between the steps",
        yLabel: "nats",
        keys: {
          [measureOf("eval_loss").name]: "eval_loss",
          [measureOf("eval_preference_loss").name]: "eval_preference_loss",
        },
      }),
      reading: "Losses on rows that are not trained on, every training.eval_steps. Where they rise while the model's " +
        "falls, the rest is learned by heart. The reference is that of the iteration.",
    },
    {
      chart: curves.chart({
        title: "Held-out pairs ranked right, between the steps",
        yLabel: "share of held-out pairs",
        keys: { [measureOf("eval_rewards_accuracies").name]: "eval_rewards/accuracies" },
        share: true,
        levels: [{ y: 0.5, label: "even" }],
      }),
      reading:
        "Share of the held-out pairs whose chosen answer has gained more than the rejected one in this iteration.",
    },
  ];
}

/** The pairs behind a logged step; null if the settings do not tell them. */
function pairsOfSteps(
  { stages }: RunRecord,
  training: Readonly<Record<string, unknown>>,
): NonNullable<StepCurve["rows"]> | null {
  const batch = Number(training.per_device_train_batch_size) * Number(training.gradient_accumulation_steps);
  const every = Number(training.logging_steps);
  if (!(batch * every > 0)) return null;
  return ({ iteration, step }) => {
    const pairs = stages.find((other) => other.iteration === iteration && other.stage === "label")
      ?.values["labels/pairs"];
    if (every !== 1 || pairs === undefined) return batch * every;
    const steps = Math.ceil(pairs / batch);
    return step % steps === 0 ? pairs - (steps - 1) * batch : batch;
  };
}

/** Whether the noise generator's loss is the model's with the other sign, within float32's rounding. */
function mirrorsLoss({ steps }: RunRecord): boolean {
  const both = steps.filter(({ values }) => values["noise/loss"] !== undefined && values.loss !== undefined);
  return both.length > 0 &&
    both.every(({ values }) => Math.abs(values["noise/loss"]! + values.loss!) <= 1e-5 * Math.abs(values.loss!));
}
