/** The numbers of an iteration: what each is called wherever it is shown, its unit, and what it says. @module */
import {
  isNumberName,
  isStderrName,
  mainNumbers,
  type NumberName,
  stderrName,
} from "../benchmark/benchmark_numbers.ts";

/** A number of the summary. */
export interface Measure {
  /** Its name. */
  name: string;
  /** How it is written; default: as a number. */
  kind?: "share";
  /** What it is a share of, whose count gives the error: held-out rows or pairs. */
  of?: "evaluated" | "pairs" | "eval_pairs";
  /** The key of its standard error, if there is one. */
  stderr?: string;
  /** What it says, in a sentence. */
  text: string;
  /** Whether it is one of the few that tables of a command and of a model card have. */
  isMain?: true;
}

/** Measures by the summary's keys, in groups, in the order of the table. */
export const MEASURE_GROUPS: Readonly<Record<string, Readonly<Record<string, Measure>>>> = {
  "Results on held-out rows": {
    eval_rows: { name: "held-out rows", isMain: true, text: "Held-out rows, the n of the numbers below." },
    sampled_score: {
      name: "score, sampled",
      isMain: true,
      stderr: "sampled_score_stderr",
      text:
        "The verifier's mean score of answers to held-out prompts that are drawn with the run's temperature. It is " +
        "shown where a score is neither 0 nor 1.",
    },
    greedy_score: {
      name: "score, greedy",
      isMain: true,
      stderr: "greedy_score_stderr",
      text: "The same when the most probable token is taken each time (temperature 0).",
    },
    score_min: { name: "lowest score", text: "The lowest of the verifier's scores of answers to held-out prompts." },
    score_max: { name: "highest score", text: "The highest of them." },
    sampled: {
      name: "right answers, sampled",
      isMain: true,
      kind: "share",
      of: "evaluated",
      text:
        "Share of held-out prompts that are answered right when the answer is drawn with the run's temperature, as " +
        "the answers that it trains on are. Right is a score of 1 or more.",
    },
    greedy: {
      name: "right answers, greedy",
      isMain: true,
      kind: "share",
      of: "evaluated",
      text: "The same when the most probable token is taken each time (temperature 0).",
    },
    eval_loss: {
      name: "held-out loss",
      isMain: true,
      text:
        "Mean of −log p of a token of the human answers, in nats. It falls where the model comes nearer to the human " +
        "answers, which is not the same as better answers.",
    },
    eval_pairs: {
      name: "held-out pairs",
      text:
        "Held-out rows with a chosen and a rejected answer. They are measured as TRL does, against the model that " +
        "the run began with, without noise.",
    },
    eval_rewards_accuracies: {
      name: "held-out pairs ranked right",
      isMain: true,
      kind: "share",
      of: "eval_pairs",
      text:
        "Share of the held-out pairs whose chosen answer has the higher implicit reward. At the start the model is " +
        "the reference itself, and none has.",
    },
    eval_rewards_margins: {
      name: "held-out reward margin",
      isMain: true,
      text: "Mean lead of the chosen answers of held-out pairs in implicit reward.",
    },
    eval_preference_loss: {
      name: "held-out preference loss",
      text: "The loss on held-out pairs, without noise.",
    },
    eval_rewards_chosen: {
      name: "held-out reward, chosen",
      text: "Mean implicit reward of the chosen answers of held-out pairs.",
    },
    eval_rewards_rejected: { name: "held-out reward, rejected", text: "The same of the rejected ones." },
    eval_logps_chosen: {
      name: "held-out log p, chosen",
      text: "Mean log-probability of the chosen answers of held-out pairs, in nats an answer.",
    },
    eval_logps_rejected: { name: "held-out log p, rejected", text: "The same of the rejected ones." },
  },
  "Generated answers": {
    rows: { name: "prompts", text: "Prompts that the model answered, once each." },
    generation_length: { name: "tokens of an answer", text: "Mean tokens of a generated answer." },
    truncated: { name: "cut off", text: "Generated answers that were cut at max_new_tokens before they ended." },
    retokenized: {
      name: "retokenized",
      text: "Answers that a server returned as text, whose tokens may not be those that were sampled.",
    },
  },
  "Labels": {
    pairs: { name: "pairs", isMain: true, text: "Rows whose two answers differ: what the model is trained on." },
    identical: { name: "identical", text: "Rows left out because the generated answer is the human one." },
    ties: { name: "equal scores", text: "Pairs whose answers have equal scores; the human answer is chosen." },
    generated_chosen: {
      name: "generated answer chosen",
      isMain: true,
      kind: "share",
      of: "pairs",
      text: "Share of the pairs in which the judge prefers the generated answer to the human one.",
    },
    scored_at_least: {
      name: "generated answer scored at least as high",
      kind: "share",
      text:
        "Share of the pairs with both scores in which the generated answer's is at least the human one's. Answers that " +
        "are the same are no pair.",
    },
    score_human: { name: "score of human answers", text: "The judge's mean score of the human answers of the pairs." },
    score_generated: {
      name: "score of generated answers",
      text: "The judge's mean score of the generated answers of the pairs.",
    },
    length_chosen: {
      name: "tokens, chosen",
      text: "Mean tokens of the chosen answers. Where it lies well above the rejected ones', length is learned.",
    },
    length_rejected: { name: "tokens, rejected", text: "Mean tokens of the rejected answers." },
    length_winner: { name: "tokens, scored higher", text: "Mean tokens of the answers that the judge scored higher." },
    length_loser: { name: "tokens, scored lower", text: "Mean tokens of those that it scored lower." },
    order_disagreements: {
      name: "orders disagree",
      text: "Pairs on which the judge, asked in both orders, contradicted itself.",
    },
    invalid: { name: "no verdict", text: "Replies of the judge that hold no verdict." },
    agreement: {
      name: "judges agree",
      kind: "share",
      text: "Mean share of equal votes of two of the ensemble's judges.",
    },
    kappa: { name: "Cohen's kappa", text: "Their agreement beyond chance: 1 is perfect, 0 is chance." },
    requests: { name: "requests to the judge", text: "Requests that were sent to the judging server." },
    prompt_tokens: { name: "tokens to the judge", text: "Tokens of those requests." },
    completion_tokens: { name: "tokens of the judge", text: "Tokens of its replies." },
    cost: { name: "cost of the judge", text: "What these tokens cost, by the prices in the config." },
  },
  "Training, means over the steps": {
    steps: {
      name: "optimizer steps",
      isMain: true,
      text: "Optimizer steps of the iteration. What follows are means over those that were logged.",
    },
    loss: {
      name: "model loss",
      isMain: true,
      text:
        "What the model minimizes. Of preference losses it is ln 2 ≈ 0.693 where policy and reference are the same.",
    },
    noise_loss: {
      name: "noise loss",
      isMain: true,
      text: "What the noise generator minimizes: the opposite of the model's loss.",
    },
    noise_variance: { name: "noise variance", text: "Mean σ² of the noise on the reference." },
    rewards_margins: {
      name: "reward margin",
      isMain: true,
      text: "Mean lead of the chosen answer in implicit reward, β (log p of the policy − log p of the reference).",
    },
    rewards_accuracies: {
      name: "pairs ranked as labelled",
      isMain: true,
      kind: "share",
      text:
        "Share of the pairs whose chosen answer has the higher implicit reward. The first steps, at which the model " +
        "is still the reference, count as 0 in this mean.",
    },
  },
};

const BENCHMARKS = "Benchmarks";

const ALL: Readonly<Record<string, Measure>> = Object.assign({}, ...Object.values(MEASURE_GROUPS));

const MAIN_KEYS: readonly string[] = Object.keys(ALL).filter((key) => ALL[key]!.isMain);
const [RESULTS = {}] = Object.values(MEASURE_GROUPS);

/** Of the keys that are there, those of the few numbers that tell most, in the order of tables. */
export function mainKeys(keys: Iterable<string>): string[] {
  const there = new Set(keys);
  const main = MAIN_KEYS.filter((key) => there.has(key));
  const first = main.filter((key) => Object.hasOwn(RESULTS, key));
  return [...first, ...mainNumbers(there), ...main.filter((key) => !first.includes(key))];
}

/** The keys that are there in their groups, in the order of the table; none of errors, which stand beside their means. */
export function groupedKeys(keys: Iterable<string>): { title: string; keys: string[] }[] {
  const there = new Set(keys);
  for (const { stderr } of [...there].map(measureOf)) if (stderr !== undefined) there.delete(stderr);
  const known = Object.entries(MEASURE_GROUPS).map(([title, measures]) => ({
    title,
    keys: Object.keys(measures).filter((key) => there.delete(key)),
  }));
  const benchmarks = { title: BENCHMARKS, keys: [...there].filter(isNumberName) };
  const others = { title: "Other numbers", keys: [...there].filter((key) => !isNumberName(key)) };
  return [known[0]!, benchmarks, ...known.slice(1), others].filter(({ keys }) => keys.length > 0);
}

function benchmarkMeasure(key: NumberName): Measure {
  const cut = key.lastIndexOf("/");
  const [task, metric] = [key.slice(0, cut), key.slice(cut + 1).replace(",", ", ")];
  return {
    name: `${task}, ${metric}`,
    stderr: stderrName(key),
    text: `${metric} of the benchmark ${task} (evaluate.tasks), as lm-evaluation-harness measures it.`,
  };
}

/** The measure of a key of the summary; one that is not known has the key's name. */
export function measureOf(key: string): Measure {
  if (Object.hasOwn(ALL, key)) return ALL[key]!;
  return isNumberName(key) && !isStderrName(key) ? benchmarkMeasure(key) : { name: key, text: "" };
}

/** The name of a measure as the title of a figure. */
export function titleOf(key: string): string {
  const { name } = measureOf(key);
  return name[0]!.toUpperCase() + name.slice(1);
}
