/** A task with its documents and examples: what it asks of each document, and how answers are scored. @module */
import type { JsonObject, JsonValue } from "../data/formats/json_numbers.ts";
import { UserError } from "../error.ts";
import { quote } from "../values.ts";
import { endsWithSpace } from "./chat_messages.ts";
import { DocFields } from "./doc_fields.ts";
import { FewShotSampler, type SAMPLERS } from "./few_shot_sampler.ts";
import { generationKwargs, type GenerationSettings, generationSettings } from "./generation_settings.ts";
import { type Metric, metricsOf } from "./metric_registry.ts";
import { PromptBuilder, type PromptOptions } from "./prompts.ts";
import { type Doc, outputTypeOf, targetDelimiterOf, type TaskConfig } from "./task_config.ts";
import { documentsOf, limitOf } from "./task_documents.ts";

/** lm-eval's seed of few-shot examples. */
export const FEW_SHOT_SEED = 1234;

/** What a model is asked for one document. */
export type Asked =
  /** The log-likelihood of each continuation after its context. */
  | { readonly kind: "loglikelihood"; readonly pairs: readonly TextPair[] }
  /** An answer to a context. */
  | { readonly kind: "generate"; readonly context: string; readonly settings: GenerationSettings }
  /** The log-likelihood of a whole text, in windows. */
  | { readonly kind: "rolling"; readonly text: string };

/** A context and what may follow it. */
export interface TextPair {
  readonly context: string;
  readonly continuation: string;
}

/** A document and what is asked for it. */
export interface DocumentRequest {
  /** Its index in its split. */
  readonly docId: number;
  readonly doc: Doc;
  /** The right answer: an index, a text, or several of either. */
  readonly target: JsonValue;
  readonly asked: Asked;
  /** Whether the chat template refused the system's turn, which was then left out. */
  readonly isWithoutSystem: boolean;
}

/** The rows of a task's splits; see `splitsOf()`. */
export interface TaskRows {
  readonly evaluated: readonly Doc[];
  /** What examples are drawn from; none are needed if none are drawn. */
  readonly pool?: readonly Doc[];
  /** What the rows of each are called in messages, such as `test.jsonl:3` (default: `row` and their index). */
  readonly places?: { readonly evaluated: readonly string[]; readonly pool?: readonly string[] };
}

/** Settings of an evaluation that hold for all of its tasks. */
export interface TaskOptions {
  /** The number of examples, where the task itself does not say 0. */
  readonly numFewShot?: number;
  /** Seed of the draw of examples (default {@linkcode FEW_SHOT_SEED}). */
  readonly seed?: number;
  /** What replaces keys of the task's generation. */
  readonly genKwargs?: JsonObject;
}

/** The number of examples of a task; a task that says 0 has none, whatever is asked. */
export function numFewShotOf({ num_fewshot: own }: TaskConfig, asked?: number): number {
  return own === 0 ? 0 : asked ?? own ?? 0;
}

/** A task that is ready to be asked. */
export class BenchmarkTask {
  /** The task, with the number of examples and the keys of generation that it is asked with. */
  readonly config: TaskConfig;
  readonly numFewShot: number;
  readonly fields: DocFields;
  readonly metrics: readonly Metric[];
  /** All documents of its split. */
  readonly docs: readonly Doc[];
  readonly #pool: readonly Doc[];
  readonly #seed: number;

  /** Throws a UserError for rows that it cannot read. */
  constructor(
    config: TaskConfig,
    rows: TaskRows,
    { numFewShot, seed = FEW_SHOT_SEED, genKwargs = {} }: TaskOptions = {},
  ) {
    this.numFewShot = numFewShotOf(config, numFewShot);
    const isGenerated = outputTypeOf(config) === "generate_until";
    this.config = {
      ...config,
      num_fewshot: this.numFewShot,
      ...(isGenerated && { generation_kwargs: generationKwargs(config, genKwargs) }),
    };
    this.docs = documentsOf(config, rows.evaluated, rows.places?.evaluated);
    if (this.docs.length === 0) throw new UserError(`Cannot evaluate the task ${config.task}: it has no documents`);
    this.#pool = this.numFewShot === 0
      ? []
      : documentsOf(config, rows.pool ?? config.fewshot_config?.samples ?? [], rows.places?.pool);
    this.#seed = seed;
    this.fields = new DocFields(config, Object.keys(this.docs[0]!));
    this.fields.nameAll(this.#pool, "example");
    this.fields.nameAll(this.docs, "document");
    this.metrics = metricsOf(config);
  }

  /** What is asked for the first documents, all without a limit, in their order. Throws a UserError that names one. */
  *requests({ limit, ...options }: PromptOptions & { limit?: number } = {}): Generator<DocumentRequest> {
    const { config, fields, numFewShot } = this;
    const sampler = new FewShotSampler({
      task: config.task,
      pool: this.#pool,
      count: numFewShot,
      sampler: (config.fewshot_config?.sampler ?? "default") as typeof SAMPLERS[number],
      // lm-eval compares the names of the splits, of which both may be missing.
      leavesOut: (config.fewshot_config?.split ?? config.fewshot_split) === config.test_split,
      seed: this.#seed,
    });
    const builder = new PromptBuilder(config, fields, options);
    const count = limitOf(limit, this.docs.length);
    for (const [docId, doc] of this.docs.slice(0, count).entries()) {
      const prompts = outputTypeOf(config) === "loglikelihood_rolling" ? [] : builder.build(doc, sampler.next(doc));
      const contexts = prompts.map(({ text }) => text);
      const asked = this.#asked(doc, contexts, { docId, hasTemplate: options.chat !== undefined });
      const isWithoutSystem = prompts.some((prompt) => prompt.isWithoutSystem);
      yield { docId, doc, target: fields.target(doc), asked, isWithoutSystem };
    }
  }

  #asked(
    doc: Doc,
    contexts: readonly string[],
    { docId, hasTemplate }: { docId: number; hasTemplate: boolean },
  ): Asked {
    const { config, fields } = this;
    switch (outputTypeOf(config)) {
      case "loglikelihood":
        return {
          kind: "loglikelihood",
          pairs: contexts.map((context) => ({ context, continuation: this.#targetText(doc) })),
        };
      case "loglikelihood_rolling":
        return { kind: "rolling", text: this.#targetText(doc) };
      case "generate_until":
        if (contexts.length !== 1) {
          throw new UserError(`Cannot ask the task ${config.task}: "doc_to_text" is an index, expected a text`);
        }
        return {
          kind: "generate",
          context: contexts[0]!,
          settings: generationSettings(config.generation_kwargs ?? {}),
        };
      case "multiple_choice": {
        const { gen_prefix: prefix } = config;
        const isJoined = hasTemplate && (prefix === undefined || prefix === "" || endsWithSpace(prefix));
        const delimiter = isJoined ? "" : targetDelimiterOf(config);
        const choices = fields.choices(doc);
        if (choices.length === 0) {
          throw new UserError(
            `Cannot ask the task ${config.task}: "doc_to_choice" of document ${docId} is empty, expected one or more`,
          );
        }
        const hasContexts = typeof fields.text(doc) === "number";
        const pairs = hasContexts
          ? contexts.map((context) => ({ context, continuation: delimiter + this.#targetText(doc) }))
          : choices.map((choice) => ({ context: contexts[0]!, continuation: delimiter + choice }));
        const alone = this.metrics.some(({ name }) => name === "acc_mutual_info")
          ? choices.map((choice) => ({ context: "", continuation: delimiter + choice }))
          : [];
        return { kind: "loglikelihood", pairs: [...pairs, ...alone] };
      }
    }
  }

  #targetText(doc: Doc): string {
    const target = this.fields.target(doc);
    if (typeof target === "string") return target;
    throw new UserError(
      `Cannot ask the task ${this.config.task}: "doc_to_target" is ${quote(target)}, expected a text`,
    );
  }
}
