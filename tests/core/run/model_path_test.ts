import { deepEqual, equal } from "node:assert/strict";
import { baseSpec, namedBase } from "../../../core/run/model_path.ts";
import { withFolder } from "../_tiny.ts";

Deno.test("namedBase() has a revision apart, as PEFT's configs, and baseSpec() puts it back", () =>
  withFolder(async (dir) => {
    const path = `${dir}/model@2`;
    await Deno.mkdir(path);
    const cases: [model: string, base: string, revision: string | null][] = [
      ["org/base", "org/base", null],
      ["org/base@v1", "org/base", "v1"],
      ["org/base@refs/pr/3", "org/base", "refs/pr/3"],
      [path, path, null],
      [`${dir}/gone`, `${dir}/gone`, null],
    ];
    for (const [model, base, revision] of cases) {
      deepEqual(await namedBase(model), { base, revision });
      equal(await baseSpec(base, revision), model);
    }
    // A folder that has been made since is not mistaken for the hub's.
    equal(await baseSpec(path, "main"), path);
  }));
