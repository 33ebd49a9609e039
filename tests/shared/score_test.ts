/** `score` against the reference program in PyTorch (float64). @module */
import { assertClose } from "../_shared/assert_close.ts";
import { dnpo, succeeded, withFolder } from "../_shared/dnpo.ts";
import { ARCHITECTURES, makeArguments, oracle } from "../_shared/oracle.ts";
import { sharedPath, sharedTest } from "./_shared.ts";

const MODELS = [
  { seed: 11, sizes: {} },
  { seed: 12, sizes: { hidden: 48, heads: 12, inter: 40, vocab: 131, rows: 12, layers: 1 } },
];

for (const arch of ARCHITECTURES) {
  for (const { seed, sizes } of MODELS) {
    const named = Object.entries(sizes).map((item) => item.join(" ")).join(", ") || "default sizes";
    sharedTest(`score agrees with the oracle: ${arch}, ${named}`, () =>
      withFolder(async (dir) => {
        const program = sharedPath("oracle/oracle.py");
        const pairs = `${dir}/pairs.jsonl`;
        await oracle(program, makeArguments(dir, { arch, seed, sizes }));
        const expected = flatten(await oracle(program, ["score", dir, pairs]));
        const args = ["score", "--model", dir, "--pairs", pairs];
        assertClose(flatten(succeeded(args, await dnpo(args))), expected, { atol: 1e-4, label: "logps" });
      }));
  }
}

/** chosen and rejected of every line. */
function flatten(lines: string): number[] {
  return lines.trimEnd().split("\n").flatMap((line) => {
    const { chosen, rejected } = JSON.parse(line);
    return [chosen, rejected];
  });
}
