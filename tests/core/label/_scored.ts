/** Prints how the verifier of the first argument ends, which may take 64 MiB: its scores, or its error. @module */
import { verifierJudge } from "../../../core/label/verifier_judge.ts";
import { responseRow } from "./_rows.ts";

try {
  using judge = await verifierJudge(Deno.args[0]!, { seconds: 60, megabytes: 64 });
  console.log(JSON.stringify(await judge.score([responseRow(3)], () => {})));
} catch (error) {
  console.log(String(error));
}
// The thread may still run.
Deno.exit(0);
