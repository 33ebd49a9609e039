/** Choices of benchmark documents: documents a second. @module */
import type { ChoiceIds } from "../../core/benchmark/encode_request.ts";
import { choiceLogps } from "../../core/evaluate/choice_logps.ts";
import { responseLogps } from "../../core/model/row_logps.ts";
import { LLAMA_10M, openModel, torchModel } from "../bench_models.ts";
import type { Contender, Context, Result, Spec } from "../bench_types.ts";
import { checkClose, compare, seconds } from "../measure.ts";
import { tokenIds } from "../values.ts";

/** Documents of about the lengths of ARC with 25 shots: four answers of ten tokens. */
const ARC = { documents: 1, context: 1800, choices: 4, answer: 10 };
/** Of a subject of MMLU with 5 shots: questions after the same shots, and four letters. */
const MMLU = { documents: 6, shots: 500, question: 80, choices: 4 };

/** Choices of one context, and documents with a common beginning. */
export function choiceSpecs(): Spec[] {
  return [
    { name: "evaluate/llama-10m-arc-25", quick: false, run: runArc },
    { name: "evaluate/llama-10m-mmlu-5", quick: false, run: runMmlu },
  ];
}

const { vocab } = LLAMA_10M;

/** Against each choice with the context of its own, and against transformers. */
async function runArc(context: Context): Promise<Result[]> {
  const name = "evaluate/llama-10m-arc-25";
  const documents = Array.from({ length: ARC.documents }, (_, seed) => {
    const ids = tokenIds(ARC.context, { seed, vocab });
    return Array.from({ length: ARC.choices }, (_, i): ChoiceIds => ({
      context: ids,
      continuation: tokenIds(ARC.answer, { seed: 100 + ARC.choices * seed + i, vocab }),
    }));
  });
  const model = await openModel(context, LLAMA_10M);
  const rows = documents.flat().map(({ context: promptIds, continuation: responseIds }, example) => ({
    example,
    promptIds,
    responseIds,
  }));
  const expected = await responseLogps(context.commands, model, { rows });
  const contenders = [
    contender({ name: "dnpo", expected, logps: () => scored(context, model, { documents }) }),
    contender({
      name: "each choice by itself",
      expected,
      logps: () => responseLogps(context.commands, model, { rows }),
    }),
    ...await transformers(context, { name, model: torchModel(model.config), documents, expected }),
  ];
  try {
    return [await compare(context, { name, unit: "documents_per_s", work: ARC.documents, contenders })];
  } finally {
    model.weights.free();
  }
}

/** Against documents that do not share their beginning. */
async function runMmlu(context: Context): Promise<Result[]> {
  const name = "evaluate/llama-10m-mmlu-5";
  const shots = tokenIds(MMLU.shots, { seed: 0, vocab });
  const documents = Array.from({ length: MMLU.documents }, (_, i) => {
    const ids = [...shots, ...tokenIds(MMLU.question, { seed: 1 + i, vocab })];
    return Array.from(
      { length: MMLU.choices },
      (_, letter): ChoiceIds => ({ context: ids, continuation: [3 + letter] }),
    );
  });
  const model = await openModel(context, LLAMA_10M);
  const expected = await scored(context, model, { documents });
  const shared = { documents, sharedPrefix: shots };
  const contenders = [
    contender({ name: "dnpo", expected, logps: () => scored(context, model, shared) }),
    contender({ name: "shots repeated", expected, logps: () => scored(context, model, { documents }) }),
    ...await transformers(context, { name, model: torchModel(model.config), documents, expected }),
  ];
  try {
    return [await compare(context, { name, unit: "documents_per_s", work: MMLU.documents, contenders })];
  } finally {
    model.weights.free();
  }
}

async function scored(
  { commands }: Context,
  model: Parameters<typeof choiceLogps>[1],
  options: Parameters<typeof choiceLogps>[2],
): Promise<Float64Array> {
  return Float64Array.from((await choiceLogps(commands, model, options)).flat(), ({ logp }) => logp);
}

function contender(
  { name, expected, logps }: { name: string; expected: Float64Array; logps: () => Promise<Float64Array> },
): Contender {
  return {
    name,
    check: async () => checkClose(await logps(), expected, { label: `choices of ${name}` }),
    run: (repeats) =>
      seconds(async () => {
        for (let i = 0; i < repeats; i++) await logps();
      }),
  };
}

/** transformers, called as lm-eval calls it, and lm-eval's own HF backend, where Python has them. */
async function transformers(
  { peers: { torch }, notes }: Context,
  { name, model, documents, expected }: {
    name: string;
    model: Record<string, unknown>;
    documents: readonly (readonly ChoiceIds[])[];
    expected: Float64Array;
  },
): Promise<Contender[]> {
  const about = torch === null ? null : await torch.ask({ op: "about" });
  if (about === null || about.lm_eval === null) {
    notes.push(`${name}: lm-eval NOT RUN, python3 has no torch or lm_eval.`);
  }
  if (torch === null || about!.transformers === null) return [];
  const call = {
    ...model,
    documents: documents.map((choices) => ({
      context: choices[0]!.context,
      tails: choices.map(({ continuation }) => continuation),
    })),
  };
  return [
    { ...torch.contender({ op: "choices", ...call }, { expected }), name: "transformers" },
    ...(about!.lm_eval === null
      ? []
      : [{ ...torch.contender({ op: "lm_eval", ...call }, { expected }), name: "lm-eval" }]),
  ];
}
