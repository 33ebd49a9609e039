/** `dnpo compare` on the quick start's model. */
import { deepEqual, equal, match } from "node:assert/strict";
import { dnpo, succeeded, withFolder } from "../_shared/dnpo.ts";
import { readJsonLines } from "../_shared/trajectory.ts";

const QUICKSTART = "examples/quickstart";

Deno.test("compare prints a summary as JSON and writes its rows, and refuses what it is not told in one line", () =>
  withFolder(async (dir) => {
    const common = ["compare", `${QUICKSTART}/model`, `${QUICKSTART}/model`, "--prompts", `${QUICKSTART}/eval.jsonl`];
    const args = [...common, "--limit", "12", "--judge", "verifier", "--verifier", `${QUICKSTART}/verifier.ts`];
    const summary = JSON.parse(succeeded(args, await dnpo([...args, "--json", "-q", "--output", `${dir}/rows.jsonl`])));
    deepEqual([summary.rows, summary.ties, summary.win_rate, summary.p_value], [12, 12, 0.5, 1]);
    const rows = await readJsonLines<Record<string, unknown>>(`${dir}/rows.jsonl`);
    deepEqual(rows.map(({ row }) => row), Array.from({ length: 12 }, (_, i) => i));
    deepEqual(rows[0], {
      row: 0,
      prompt: "flip edbga>",
      response_a: "agbde",
      response_b: "agbde",
      score_a: 1,
      score_b: 1,
      tokens_a: 6,
      tokens_b: 6,
      finished_a: true,
      finished_b: true,
      outcome: "tie",
    });
    // What is there stays, and what cannot be written is known before anything is compared.
    const kept = await Deno.readTextFile(`${dir}/rows.jsonl`);
    for (
      const [output, why] of [
        [`${dir}/rows.jsonl`, "it is there already, expected a new name, or --force"],
        [dir, "it is a folder, expected a file's name"],
        [`${dir}/none/rows.jsonl`, `there is no folder ${dir}/none, expected one to write into`],
      ]
    ) {
      const refused = await dnpo([...args, "-q", "--output", output!]);
      deepEqual([refused.code, refused.out], [1, ""]);
      equal(refused.err, `error: Cannot write the compared rows to ${output}: ${why}\n`);
    }
    equal(await Deno.readTextFile(`${dir}/rows.jsonl`), kept);
    // The name with .tmp is too long for a file system: the result is told all the same.
    const late = await dnpo([...args, "--limit", "2", "--json", "-q", "--output", `${dir}/${"x".repeat(253)}`]);
    deepEqual([late.code, JSON.parse(late.out).rows], [1, 2]);
    match(late.err, /^error: Cannot write [^\n]+\n$/);
    succeeded(args, await dnpo([...args, "--limit", "2", "-q", "--output", `${dir}/rows.jsonl`, "--force"]));
    equal((await readJsonLines(`${dir}/rows.jsonl`)).length, 2);
    const missing = await dnpo([...common, "--judge", "verifier"]);
    deepEqual([missing.code, missing.out], [1, ""]);
    match(
      missing.err,
      /^error: Cannot run compare: "labels.verifier", which judge verifier needs, is not set; [^\n]*\n$/,
    );
    const unused = await dnpo([...args, "--base-url", "http://127.0.0.1:1/v1"]);
    deepEqual([unused.code, unused.out], [1, ""]);
    match(unused.err, /^error: Cannot compare: --base-url is given, which judge verifier does not use, [^\n]*\n$/);
    const wrong = await dnpo([...common, "--judge", "oracle"]);
    match(wrong.err, /^error: --judge: expected "human", "verifier", .*, got "oracle"\n$/);
    equal(wrong.code, 1);
  }));

Deno.test("compare --iterations keeps win rates of one run against another, and goes on without judging again", () =>
  withFolder(async (dir) => {
    // The committed model stands for every iteration.
    for (const place of ["spin/iteration-0", "spin/iteration-1", "dnpo/iteration-0", "dnpo/iteration-1"]) {
      await Deno.mkdir(`${dir}/${place}`, { recursive: true });
      await Deno.symlink(await Deno.realPath(`${QUICKSTART}/model`), `${dir}/${place}/model`);
    }
    const judge = ["--judge", "verifier", "--verifier", `${QUICKSTART}/verifier.ts`, "--output", `${dir}/out`];
    const args = ["compare", `${dir}/spin`, `${dir}/dnpo`, "-p", `${QUICKSTART}/eval.jsonl`, "--limit", "6", ...judge];
    const first = await dnpo([...args, "--iterations", "0", "-q"]);
    match(
      succeeded(args, first),
      /^A {2}\S+spin\nB {2}\S+dnpo\n6 prompts, judge verifier\n\n[^]*│ iteration 0 │ +0 │ +6 │/,
    );
    const all = await dnpo([...args, "--iterations", "all", "-q"]);
    match(succeeded(args, all), /\nCompared before: iteration 0\nWin rates: \S+win_rates\.json\n$/);
    const json = JSON.parse(succeeded(args, await dnpo([...args, "--iterations", "all", "-q", "--json"])));
    deepEqual(
      json.iterations.map(({ iteration, ties, win_rate }: Record<string, number>) => [iteration, ties, win_rate]),
      [[0, 6, 0.5], [1, 6, 0.5]],
    );
    // One answer a prompt: what the iterations have is one model.
    equal((await readJsonLines(`${dir}/out/answers.jsonl`)).length, 6);
    for (
      const [more, message] of [
        [["--iterations", "0,3"], "Cannot compare iteration 3 of DIR/dnpo with DIR/spin: DIR/dnpo has no model of it"],
        [["--iterations", "last"], 'Cannot compare: --iterations is "last", expected all, or such as 0,2\n'],
        [["--iterations", "0", "--seed", "7"], "Cannot go on with the comparison in DIR/"],
      ] as const
    ) {
      const refused = await dnpo([...args, ...more, "-q"]);
      deepEqual([refused.code, refused.out], [1, ""]);
      equal(refused.err.replaceAll(dir, "DIR").startsWith(`error: ${message}`), true, refused.err);
      equal(refused.err.split("\n").length, 2);
    }
  }));
