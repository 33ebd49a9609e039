/** `dnpo mt-bench` as a process, on a tiny model that talks, with a judge on 127.0.0.1. */
import { deepEqual, equal, match } from "node:assert/strict";
import { dnpo, succeeded, withFolder } from "../_shared/dnpo.ts";
import { startOpenAiServer } from "../_shared/openai_server.ts";
import { writeTinyModel } from "../_shared/tiny_model.ts";
import { CHATML, writeTokenizer } from "../core/data/_fixtures.ts";
import { signalAt } from "./_signal_at.ts";

Deno.test("mt-bench asks our own questions, goes on after Ctrl-C, and pays for nothing twice", () =>
  withFolder(async (dir) => {
    await writeTinyModel(`${dir}/m`, { config: { vocab_size: 364, max_position_embeddings: 2048 } });
    await writeTokenizer(`${dir}/m`, { config: { chat_template: CHATML } });
    await using server = startOpenAiServer({ chat: () => "Clear. [[6]]", delay: 20 });
    const args = ["mt-bench", `${dir}/m`, "-j", "m", "--base-url", server.url, "-o", `${dir}/out`];
    args.push("--max-new-tokens", "8");
    const stopped = await signalAt(args, /judge +0\/160/, ["SIGINT"]);
    equal(stopped.code, 130);
    match(stopped.err, /Stopped\. What was answered is kept in /);
    const before = server.asked.length;
    equal(before < 160, true, String(before));
    const out = succeeded(args, await dnpo([...args, "-q"]));
    match(out, /^\S+: 80 questions of dnpo's own, judge m\n/);
    match(out, /\nMean rating: 6\.00 ± 0\.00 of 10 \(160 ratings\)\n/);
    match(out, /\nResults: \S+results_\S+\.json\n$/);
    // What was on its way at the signal is kept too.
    equal(server.asked.length, 160);
    const json = [...args, "--json", "-q"];
    const results = JSON.parse(succeeded(json, await dnpo(json)));
    deepEqual([results.mean, results.count, results.unreadable, results.usage.answered_before], [6, 160, 0, 160]);
    deepEqual(Object.values(results.categories).map((each) => (each as { count: number }).count), Array(8).fill(20));
    equal(server.asked.length, 160);
    for (
      const [more, says] of [
        [["--limit", "x"], /^error: Cannot run mt-bench: --limit is "x", expected how many questions [^\n]*\n$/],
        [["--questions", `${dir}/none.jsonl`], /^error: Cannot read the questions \S+none.jsonl: [^\n]*\n$/],
        [["--top-p", "2"], /^error: --top-p: [^\n]*\n$/],
      ] as const
    ) {
      const wrong = await dnpo([...args, ...more, "-q"]);
      deepEqual([wrong.code, wrong.out], [1, ""], more.join(" "));
      match(wrong.err, says);
    }
  }));
