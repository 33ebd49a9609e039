import { equal, match } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { keyTypes } from "../../tools/key_types.ts";

const FILE = fileURLToPath(new URL("../../core/config/key_types.ts", import.meta.url));

Deno.test("core/config/key_types.ts is what the keys say (else: deno task docs)", async () => {
  equal(await Deno.readTextFile(FILE), keyTypes());
});

/** The fields of an interface in a line, without what is said of them. */
function fieldsOf(name: string): string {
  const [, body] = new RegExp(`\nexport interface ${name} \\{\n([^]*?)\n\\}\n`).exec(keyTypes()) ?? [];
  return body!.replace(/\/\*\*[^]*?\*\//g, "").split(/\s+/).join(" ").trim();
}

Deno.test("keyTypes() tells what may be absent, what is filled in, and what a judge needs and takes", () => {
  match(fieldsOf("DataConfig"), /^train\?: DataSourceConfig; limit\?: number; max_length: number; /);
  match(
    fieldsOf("TrainingConfig<Rate = number>"),
    / optim: Optimizer; .* beta: Rate; .* report_to: ReportTo\[\]; .*mlflow_tracking_uri\?: string;$/,
  );
  equal(fieldsOf("MemberConfig extends JudgeConfig"), "judge: MemberKind; weight: number;");
  equal(fieldsOf("LogprobJudgeConfig"), 'judge: "logprob"; model: string; margin: number;');
  equal(
    fieldsOf("SelfJudgeConfig"),
    'judge: "self"; mode: "score" | "pairwise"; prompt?: string; max_tokens: number; max_invalid: number; margin: number;',
  );
  match(keyTypes(), /\n {2}\/\*\* Preference temperature, [^\n]* \*\/\n {2}beta: Rate;\n/);
});

Deno.test("no line of keyTypes() is longer than the formatter's", () => {
  for (const line of keyTypes().split("\n")) equal(line.length <= 120, true, line);
});
