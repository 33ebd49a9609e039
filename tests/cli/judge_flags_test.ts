import { deepEqual, throws } from "node:assert/strict";
import { judgeFlags } from "../../cli/judge_flags.ts";

Deno.test("judgeFlags() sets the keys that the judge uses, and refuses a flag that would change nothing", () => {
  const given = { judgeModel: "m", baseUrl: "http://127.0.0.1/v1" };
  deepEqual(judgeFlags(given, "llm"), [
    { name: "judge-model", key: "labels.server_model" },
    { name: "base-url", key: "labels.base_url" },
  ]);
  deepEqual(judgeFlags({ judgeModel: "m" }, "logprob"), [{ name: "judge-model", key: "labels.model" }]);
  deepEqual(judgeFlags({ judgeModel: "m" }, "reward-model"), [{ name: "judge-model", key: "labels.model" }]);
  deepEqual(judgeFlags({ verifier: "v.ts" }, "verifier"), [{ name: "verifier", key: "labels.verifier" }]);
  // `--no-verifier` is no path.
  deepEqual(judgeFlags({ verifier: false }, "llm"), []);
  throws(
    () => judgeFlags({ judgeModel: "m" }, "ensemble"),
    /^UserError: Cannot compare: --judge-model is given, which judge ensemble does not use, expected it with --judge logprob or reward-model or llm$/,
  );
  throws(() => judgeFlags(given, "logprob"), /^UserError: Cannot compare: --base-url is given, .* --judge llm$/);
  throws(() => judgeFlags({ verifier: "v.ts" }, "human"), /--verifier is given, .* --judge verifier$/);
});
