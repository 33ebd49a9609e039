import { deepEqual, match, rejects } from "node:assert/strict";
import { checkNoiseFile, saveNoise } from "../../../core/train/noise_file.ts";
import { createNoise } from "../../../core/train/noise_generator.ts";
import { commands } from "../../_shared/device.ts";
import { withFolder } from "../_tiny.ts";

for (const rank of [undefined, 2]) {
  Deno.test(`a noise generator of rank ${rank} comes back as it was saved, and a changed bit is told`, () =>
    withFolder(async (dir) => {
      const path = `${dir}/noise.safetensors`;
      const shape = { vocab: 70, hidden: 9, ...rank && { rank } };
      const noise = await createNoise(commands, { shape, init: "linear", seed: 4, iteration: 1 });
      await saveNoise(path, noise);
      await checkNoiseFile(path);
      const again = await createNoise(commands, { shape, init: path, seed: 0, iteration: 0 });
      const [was, is] = [await noise.download(), await again.download()];
      for (const name of noise.layout.places.keys()) deepEqual(is(name), was(name), name);
      noise.free();
      again.free();
      const bytes = await Deno.readFile(path);
      match(new TextDecoder().decode(bytes.subarray(8, 200)), /"dnpo_sha256":"[0-9a-f]{64}"/);
      bytes[bytes.length - 21]! ^= 1;
      await Deno.writeFile(path, bytes);
      await rejects(
        checkNoiseFile(path),
        /^UserError: Cannot load the noise from \S+: its values have the SHA-256 \w{64}, expected \w{64} as in its header; the file is damaged, expected one as optimize saved it \(noise\.init\)$/,
      );
    }));
}

Deno.test("a noise generator that is not finite is not saved", () =>
  withFolder(async (dir) => {
    const shape = { vocab: 7, hidden: 4 };
    const noise = await createNoise(commands, { shape, init: "zeros", seed: 0, iteration: 0 });
    noise.write("bias", Float32Array.of(0, 1, NaN, 0, 0, 0, 0));
    await rejects(
      saveNoise(`${dir}/noise.safetensors`, noise),
      /^UserError: Cannot save "noise bias" as F32: it holds NaN, expected finite numbers$/,
    );
    noise.free();
    await rejects(Deno.stat(`${dir}/noise.safetensors`), Deno.errors.NotFound);
  }));
