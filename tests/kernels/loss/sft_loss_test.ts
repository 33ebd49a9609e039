import { sftLoss } from "../../../kernels/loss/sft_loss.ts";
import { assertClose } from "../../_shared/assert_close.ts";
import { commands, guarded, randomF32, readF32, release } from "../../_shared/device.ts";

for (const sequences of [1, 7, 300]) {
  Deno.test(`sftLoss() gives the token-mean cross-entropy of ${sequences} sequences and adds to the metrics`, async () => {
    const logps = randomF32(sequences, 1, 20).map((x) => x - 80);
    const scale = Math.fround(1 / 37);
    const before = Float32Array.from({ length: 9 }, (_, i) => i + 0.5);
    const buffers = { dlogp: guarded(sequences), metrics: guarded(before), logps: guarded(logps) };
    sftLoss(commands, { ...buffers, sequences, scale });
    const want = [...before];
    want[0]! -= scale * logps.reduce((a, b) => a + b, 0);
    assertClose(await readF32(buffers.metrics), want, { rtol: 1e-6, label: "metrics" });
    assertClose(await readF32(buffers.dlogp), new Array(sequences).fill(-scale), { label: "dlogp" });
    release(...Object.values(buffers));
  });
}
