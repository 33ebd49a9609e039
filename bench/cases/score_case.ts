/** Log-probabilities of responses: tokens a second. @module */
import { responseLogps } from "../../core/model/row_logps.ts";
import { LLAMA_10M, openModel, torchModel } from "../bench_models.ts";
import type { Contender, Context, Result, Spec } from "../bench_types.ts";
import { checkClose, compare, seconds } from "../measure.ts";
import { tokenIds } from "../values.ts";

const ROWS = 8;
const LENGTH = 256;

/** Scoring. */
export function scoreSpecs(): Spec[] {
  return [{ name: "score/llama-10m", quick: false, run: runScore }];
}

async function runScore(context: Context): Promise<Result[]> {
  const { commands } = context;
  const { torch } = context.peers;
  const model = await openModel(context, LLAMA_10M);
  const ids = Array.from({ length: ROWS }, (_, row) => tokenIds(LENGTH + 1, { seed: row, vocab: LLAMA_10M.vocab }));
  const rows = ids.map((row, example) => ({ example, promptIds: row.slice(0, 1), responseIds: row.slice(1) }));
  const score = (): Promise<Float64Array> => responseLogps(commands, model, { rows });
  const expected = await score();
  const own: Contender = {
    name: "dnpo",
    async check() {
      checkClose(await responseLogps(commands, model, { rows: rows.slice(2, 3) }), expected.slice(2, 3), {
        label: "score of a row by itself",
      });
    },
    run: (repeats) =>
      seconds(async () => {
        for (let i = 0; i < repeats; i++) await score();
      }),
  };
  const call = { op: "score", ...torchModel(model.config), ids };
  try {
    const contenders = [own, ...(torch ? [torch.contender(call, { expected })] : [])];
    return [await compare(context, { name: "score/llama-10m", unit: "tokens_per_s", work: ROWS * LENGTH, contenders })];
  } finally {
    model.weights.free();
  }
}
