/**
 * Makes the scores of tiny reward models again with the reference program (which needs PyTorch):
 * `deno run --allow-read --allow-write --allow-run tests/parity/make_reward_goldens.ts PATH/TO/oracle.py`. @module
 */
import { ARCHITECTURES, oracleRewards } from "../_shared/oracle.ts";
import { rewardRows, writeRewardModel } from "../_shared/reward_model.ts";
import { GOLDENS } from "./_golden.ts";
import { REWARD_GOLDEN, REWARD_MODEL, type RewardGolden } from "./_reward_golden.ts";

const program = Deno.args[0];
if (program === undefined) throw new Error("expected the path of oracle.py");

const golden: RewardGolden = { rows: rewardRows(37, 0), scores: {} };
const dir = await Deno.makeTempDir();
for (const arch of ARCHITECTURES) {
  await writeRewardModel(dir, `${GOLDENS}${arch}`, REWARD_MODEL);
  golden.scores[arch] = await oracleRewards(program, dir, golden.rows);
}
await Deno.remove(dir, { recursive: true });
await Deno.writeTextFile(REWARD_GOLDEN, JSON.stringify(golden));
const { success } = await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", REWARD_GOLDEN] }).output();
if (!success) throw new Error("deno fmt failed on the golden");
