/** Reward models against the golden of the reference program (PyTorch, float64), one for each architecture. @module */
import { deepEqual } from "node:assert/strict";
import { loadRewardModel, scoreTexts } from "../../core/model/reward_model.ts";
import { assertClose } from "../_shared/assert_close.ts";
import { commands, device } from "../_shared/device.ts";
import { withFolder } from "../_shared/dnpo.ts";
import { ARCHITECTURES } from "../_shared/oracle.ts";
import { writeRewardModel } from "../_shared/reward_model.ts";
import { GOLDENS } from "./_golden.ts";
import { REWARD_GOLDEN, REWARD_MODEL, type RewardGolden } from "./_reward_golden.ts";

for (const arch of ARCHITECTURES) {
  Deno.test(`scoreTexts() gives the golden scores of ${arch}`, () =>
    withFolder(async (dir) => {
      const { rows, scores }: RewardGolden = JSON.parse(await Deno.readTextFile(REWARD_GOLDEN));
      await writeRewardModel(dir, `${GOLDENS}${arch}`, REWARD_MODEL);
      const model = await loadRewardModel(device, dir);
      try {
        const actual = await scoreTexts(commands, model, { rows });
        deepEqual(actual.map(({ length }) => length), rows.map(() => 2));
        assertClose(actual.flatMap((values) => [...values]), scores[arch]!.flat(), {
          rtol: 1e-4,
          atol: 2e-5,
          label: arch,
        });
      } finally {
        model.free();
      }
    }));
}
