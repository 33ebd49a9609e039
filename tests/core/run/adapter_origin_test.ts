import { equal } from "node:assert/strict";
import { quantizationOf } from "../../../core/run/adapter_origin.ts";
import { withFolder } from "../_tiny.ts";

Deno.test("quantizationOf() tells of the adapters of a run, and not of others that lie near a config", () =>
  withFolder(async (dir) => {
    await Deno.mkdir(`${dir}/run`);
    await Deno.writeTextFile(`${dir}/run/config.yaml`, "quantization: int8\n");
    const cases: [folder: string, quantization: string | null][] = [
      ["run/adapter", "int8"],
      ["run/adapter/", "int8"],
      ["run/iteration-2/adapter", "int8"],
      ["run/mine", null],
      ["run/adapters/mine", null],
      ["run/other/adapter", null],
    ];
    for (const [folder, quantization] of cases) equal(await quantizationOf(`${dir}/${folder}`), quantization, folder);
    await Deno.writeTextFile(`${dir}/run/stage.yaml`, "stage: sft\n");
    equal(await quantizationOf(`${dir}/run/adapter`), null);
  }));
