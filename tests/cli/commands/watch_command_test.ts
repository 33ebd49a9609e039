import { deepEqual, equal, throws } from "node:assert/strict";
import { portOf } from "../../../cli/commands/watch_command.ts";
import { dnpo } from "../../_shared/dnpo.ts";

Deno.test("portOf() takes ports only", () => {
  deepEqual([portOf(undefined), portOf("8080"), portOf("65535")], [undefined, 8080, 65535]);
  for (const value of ["0", "65536", "-1", "1e3", "x", ""]) {
    throws(() => portOf(value), {
      name: "UserError",
      message: `--port: expected a number from 1 to 65535, got ${JSON.stringify(value)}`,
    });
  }
});

Deno.test("watch says in one line what it cannot watch", async () => {
  const { code, out, err } = await dnpo(["watch", "nowhere"]);
  deepEqual([code, out], [1, ""]);
  equal(err, "error: Cannot watch nowhere: there is no such folder, expected a run's or one of runs\n");
});
