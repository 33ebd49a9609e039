/** What another rank than the first keeps from task to task. */
import { equal } from "node:assert/strict";
import { ServedModels } from "../../../core/loop/serve_model.ts";
import type { RunContext } from "../../../core/run/run_context.ts";
import { RunSources } from "../../../core/run/run_sources.ts";
import { scratchBuffer } from "../../../kernels/device/scratch.ts";
import { commands, device } from "../../_shared/device.ts";
import { writeTinyModel } from "../../_shared/tiny_model.ts";
import { withFolder } from "../_tiny.ts";

Deno.test("ServedModels gives back what the recorder keeps for another model or kind of work, and not for the same", () =>
  withFolder(async (dir) => {
    await writeTinyModel(`${dir}/first`);
    await writeTinyModel(`${dir}/second`, { config: { num_hidden_layers: 1 } });
    const context = { device, commands, sources: await RunSources.open(null, {}) } as RunContext;
    const before = device.bytes;
    using models = new ServedModels(context);
    const load = async (name: string, task = "score"): Promise<number> => {
      await models.load({ task, model: { dir: `${dir}/${name}`, files: {}, quantization: "none" } });
      return device.bytes - before;
    };
    const [first, second] = [await load("first"), await load("second")];
    equal(await load("first"), first);
    scratchBuffer(commands, { name: "kept", bytes: 4096 });
    equal(await load("first"), first + 4096);
    equal(await load("first", "generate"), first);
    scratchBuffer(commands, { name: "kept", bytes: 4096 });
    equal(await load("second", "generate"), second);
  }));
