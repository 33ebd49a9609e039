/** Reward models against the reference program in PyTorch (float64), in every storage type, whole and in shards. @module */
import { loadRewardModel, scoreTexts } from "../../core/model/reward_model.ts";
import { assertClose } from "../_shared/assert_close.ts";
import { commands, device } from "../_shared/device.ts";
import { withFolder } from "../_shared/dnpo.ts";
import { ARCHITECTURES, makeArguments, oracle, oracleRewards } from "../_shared/oracle.ts";
import { type RewardOptions, rewardRows, writeRewardModel } from "../_shared/reward_model.ts";
import { sharedPath, sharedTest } from "./_shared.ts";

const SIZES = { hidden: 48, heads: 8, inter: 40, vocab: 131, layers: 2, rows: 1 };
const CASES: RewardOptions[] = [
  { config: { pad_token_id: 2 } },
  { dtype: "BF16", shards: 3, labels: ["a", "b", "c", "d", "e"], config: { pad_token_id: null } },
  { dtype: "F16", labels: ["a", "b"], config: { pad_token_id: 5 } },
];

for (const arch of ARCHITECTURES) {
  // Storage types are read by the same code for all.
  for (const [seed, options] of CASES.entries().filter(([, { dtype }]) => dtype !== "F16" || arch === "llama")) {
    const { dtype = "F32", shards = 1, labels = ["one"], config } = options;
    const name = [arch, dtype, `${shards} files`, `${labels.length} labels`, `pad ${config?.pad_token_id}`].join(", ");
    sharedTest(`scoreTexts() agrees with the oracle: ${name}`, () =>
      withFolder(async (dir) => {
        const program = sharedPath("oracle/oracle.py");
        await oracle(program, makeArguments(`${dir}/causal`, { arch, seed, sizes: SIZES }));
        await writeRewardModel(`${dir}/reward`, `${dir}/causal`, { ...options, seed: 20 + seed });
        const rows = rewardRows(SIZES.vocab, Number(config?.pad_token_id ?? 4));
        const expected = await oracleRewards(program, `${dir}/reward`, rows);
        const model = await loadRewardModel(device, `${dir}/reward`);
        try {
          const actual = await scoreTexts(commands, model, { rows, batchTokens: 20 });
          assertClose(actual.flatMap((row) => [...row]), expected.flat(), { rtol: 1e-4, atol: 5e-5, label: arch });
        } finally {
          model.free();
        }
      }));
  }
}
