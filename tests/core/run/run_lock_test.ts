import { equal, rejects } from "node:assert/strict";
import { lockFolder } from "../../../core/run/run_lock.ts";
import { withFolder } from "../_tiny.ts";

Deno.test("lockFolder() refuses a second user, names the first, and is free again afterwards", () =>
  withFolder(async (dir) => {
    {
      using _lock = await lockFolder(dir);
      const refused = new RegExp(`^UserError: Cannot run in .*: process ${Deno.pid} is running there; wait for it`);
      await rejects(lockFolder(dir), refused);
    }
    {
      using _lock = await lockFolder(dir);
      equal(await Deno.readTextFile(`${dir}/.lock`), `${Deno.pid}\n`);
    }
  }));

Deno.test("lockFolder() takes over the file that a killed process left", () =>
  withFolder(async (dir) => {
    await Deno.writeTextFile(`${dir}/.lock`, "123456789012\n");
    using _lock = await lockFolder(dir);
    equal(await Deno.readTextFile(`${dir}/.lock`), `${Deno.pid}\n`);
  }));

Deno.test("lockFolder() names a folder that it cannot write to", () =>
  withFolder(async (dir) => {
    await rejects(lockFolder(`${dir}/away`), /^UserError: Cannot write to the run's folder .*away/);
  }));
