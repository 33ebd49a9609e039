/** The values of a task's metrics for one document (lm-eval 0.4.13, `process_results` of `api/task.py`). @module */
import type { JsonValue } from "../data/formats/json_numbers.ts";
import { SPACE } from "../data/tokenizer/template/python_strings.ts";
import { UserError } from "../error.ts";
import { isRecord, quote } from "../values.ts";
import type { BenchmarkTask, DocumentRequest } from "./benchmark_task.ts";
import { hasRightChoice, scoreChoices, type ScoredChoice } from "./choice_metrics.ts";
import { exactMatch, type TextsMatch } from "./exact_match.ts";
import { intOf } from "./doc_fields.ts";
import { pythonStr } from "./python_str.ts";
import { instructionScores } from "./instructions/instruction_scores.ts";
import { type ResponseFilter, responseFilter } from "./response_filters.ts";
import { filtersOf } from "./task_config.ts";

const WHITE_SPACE = new RegExp(`[${SPACE}]+`);

/**
 * A metric's value for a document: a number, whether it is right, a sum of log-likelihoods and what it is divided by, or
 * whether each of its parts is right.
 */
export type MetricValue = number | boolean | readonly [sum: number, weight: number] | readonly boolean[];

/** What a model answered. */
export type Answer =
  /** The log-likelihoods of the continuations, in their order. */
  | readonly ScoredChoice[]
  /** The generated text, cut at the stop texts. */
  | string
  /** The log-likelihood of a whole text, and how many tokens it has. */
  | { readonly logp: number; readonly tokens: number };

/** What one filter and the metrics make of an answer. */
export interface DocumentScore {
  readonly filter: string;
  /** What the filter found in a generated answer; null for any other. */
  readonly filtered: string | null;
  readonly metrics: Readonly<Record<string, MetricValue>>;
}

/** Scores the answers of one task. */
export class DocumentScorer {
  readonly #task: BenchmarkTask;
  readonly #filters: readonly ResponseFilter[];
  readonly #match: TextsMatch | null;

  /** Throws a UserError for filters or patterns that are wrong or not supported. */
  constructor(task: BenchmarkTask) {
    this.#task = task;
    this.#filters = filtersOf(task.config).map(responseFilter);
    const metric = task.metrics.findLast(({ name }) => name === "exact_match");
    this.#match = metric === undefined ? null : exactMatch(metric.settings);
  }

  /** The scores of a document, one for each of the task's filters. Throws a TypeError for an answer of another kind. */
  score(request: DocumentRequest, answer: Answer): DocumentScore[] {
    const { asked } = request;
    if (asked.kind === "generate" && typeof answer === "string") {
      return this.#filters.map(({ name, apply }) => {
        const filtered = apply(answer);
        return { filter: name, filtered, metrics: this.#ofText(request, filtered) };
      });
    }
    const values = asked.kind === "rolling" && typeof answer === "object" && "tokens" in answer
      ? ofWholeText(asked.text, answer)
      : asked.kind === "loglikelihood" && Array.isArray(answer) && answer.length === asked.pairs.length
      ? this.#ofChoices(request, answer)
      : null;
    if (values === null) throw new TypeError(`an answer is not what was asked of the task ${this.#task.config.task}`);
    const metrics = this.#task.config.process_results === undefined ? this.#chosen(values) : values;
    return this.#filters.map(({ name }) => ({ filter: name, filtered: null, metrics }));
  }

  /** The values of the task's own metrics, in its order. */
  #chosen(values: Readonly<Record<string, MetricValue>>): Record<string, MetricValue> {
    return Object.fromEntries(
      this.#task.metrics.flatMap(({ name }) => values[name] === undefined ? [] : [[name, values[name]]]),
    );
  }

  #ofChoices({ doc, target }: DocumentRequest, answers: readonly ScoredChoice[]): Record<string, MetricValue> {
    const { config, fields } = this.#task;
    if (config.output_type === "loglikelihood") {
      const [{ logp, isGreedy }] = answers as readonly [ScoredChoice];
      return { perplexity: logp, acc: isGreedy ? 1 : 0 };
    }
    if (config.process_results?.score === "mc2") return { acc: trueShare(labelsOf(doc.mc2_targets), answers) };
    return scoreChoices(fields.choices(doc), this.#gold({ doc, target }), answers);
  }

  /** What says which choice is right: where the choices are contexts, the text is its index. */
  #gold({ doc, target }: Pick<DocumentRequest, "doc" | "target">): JsonValue {
    const text = this.#task.fields.text(doc);
    return typeof text === "number" ? text : target;
  }

  /** Whether a document can be answered right: not where what is right is none of its choices. */
  canBeRight({ doc, target, asked }: DocumentRequest): boolean {
    const { config, fields } = this.#task;
    const isChoice = asked.kind === "loglikelihood" && config.output_type === "multiple_choice";
    if (!isChoice || config.process_results !== undefined) return true;
    return hasRightChoice(fields.choices(doc), this.#gold({ doc, target }));
  }

  #ofText({ doc, target }: DocumentRequest, result: string): Record<string, MetricValue> {
    const { config, fields } = this.#task;
    if (config.process_results?.score === "ifeval") return { ...instructionScores(doc, result) };
    const golds = config.doc_to_choice === undefined
      ? Array.isArray(target) ? target.map(pythonStr) : [pythonStr(target)]
      : [fields.choices(doc).at(intOf(target) ?? NaN) ?? this.#noChoice(target)];
    // A task that generates has no other metric.
    const match = this.#match!;
    return { exact_match: golds.some((gold) => match(result, gold)) ? 1 : 0 };
  }

  #noChoice(target: JsonValue): never {
    throw new UserError(
      `Cannot score the task ${this.#task.config.task}: "doc_to_target" is ${quote(target)}, expected a choice's index`,
    );
  }
}

function ofWholeText(text: string, { logp, tokens }: { logp: number; tokens: number }): Record<string, MetricValue> {
  const bytes = new TextEncoder().encode(text).length;
  return {
    word_perplexity: [logp, wordCount(text)],
    byte_perplexity: [logp, bytes],
    bits_per_byte: [logp, bytes],
    token_perplexity: [logp, tokens],
  };
}

function labelsOf(targets: JsonValue | undefined): JsonValue[] {
  const labels = isRecord(targets) ? targets.labels : null;
  if (Array.isArray(labels)) return labels;
  throw new UserError(`Cannot score mc2: "mc2_targets" is ${quote(targets)}, expected {choices, labels}`);
}

/** The share of the right answers in the probability of all. */
function trueShare(labels: readonly JsonValue[], answers: readonly ScoredChoice[]): number {
  const probabilities = answers.map(({ logp }) => Math.exp(logp));
  const total = numpySum(probabilities);
  return numpySum(probabilities.map((each) => each / total).filter((_, i) => intOf(labels[i]) === 1));
}

/** A sum as numpy rounds it, which adds eight of up to 128 numbers in turn. */
function numpySum(values: readonly number[]): number {
  const add = (some: readonly number[]): number => some.reduce((sum, each) => sum + each, 0);
  const { length } = values;
  if (length < 8) return add(values);
  if (length > 128) {
    const half = (length >> 1) - (length >> 1) % 8;
    return numpySum(values.slice(0, half)) + numpySum(values.slice(half));
  }
  const whole = length - length % 8;
  const [a, b, c, d, e, f, g, h] = Array.from(
    { length: 8 },
    (_, i) => add(values.filter((_, at) => at < whole && at % 8 === i)),
  ) as [
    ...[number, number, number, number, number, number, number, number],
  ];
  return values.slice(whole).reduce((sum, each) => sum + each, (a + b) + (c + d) + ((e + f) + (g + h)));
}

/** The number of words, as lm-eval counts them: runs of white space, and one more. */
function wordCount(text: string): number {
  return text.split(WHITE_SPACE).length;
}
