/**
 * Makes the goldens again with the reference program (which needs PyTorch):
 * `deno run --allow-read --allow-write --allow-run tests/parity/make_goldens.ts PATH/TO/oracle.py`. @module
 */
import { ARCHITECTURES, makeArguments, oracle, parseLog, type Sizes } from "../_shared/oracle.ts";
import { DEFAULTS, oracleOptions, type RunSettings } from "../_shared/run_settings.ts";
import { readTensors } from "../_shared/trajectory.ts";
import { type Golden, goldenPath, GOLDENS, sketchUpdate } from "./_golden.ts";

const SIZES: Sizes = { hidden: 16, inter: 24, vocab: 37, rows: 4 };
const SETTINGS: RunSettings = {
  ...DEFAULTS,
  batch: 3,
  steps: 6,
  schedule: "cosine",
  warmup: 1,
  weightDecay: 0.1,
  seed: 11,
  iteration: 2,
};

const program = Deno.args[0];
if (program === undefined) throw new Error("expected the path of oracle.py");

const output = await Deno.makeTempDir();
for (const [seed, arch] of ARCHITECTURES.entries()) {
  const dir = `${GOLDENS}${arch}`;
  const make = (folder: string): string[] => makeArguments(folder, { arch, seed, sizes: SIZES });
  const train = (folder: string, out: string): string[] => [
    "train",
    folder,
    `${folder}/pairs.jsonl`,
    out,
    ...oracleOptions(SETTINGS, folder),
  ];
  await oracle(program, make(dir));
  const log = parseLog(await oracle(program, train(dir, output)));
  const sketch = async (from: string, to: string): Promise<Golden["weights"]> =>
    sketchUpdate(await readTensors(`${dir}/${from}`), await readTensors(`${output}/${to}`));
  const golden: Golden = {
    commands: [make(arch), train(arch, "OUT")].map((args) => `oracle.py ${args.join(" ")}`),
    settings: SETTINGS,
    log,
    weights: await sketch("model.safetensors", "model.safetensors"),
    noise: await sketch("noise_init.safetensors", "noise.safetensors"),
  };
  await Deno.writeTextFile(goldenPath(arch), JSON.stringify(golden, null, 2));
}
await Deno.remove(output, { recursive: true });
const { success } = await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", GOLDENS] }).output();
if (!success) throw new Error("deno fmt failed on the goldens");
