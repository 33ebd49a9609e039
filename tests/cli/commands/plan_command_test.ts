import assert from "node:assert/strict";
import { plan } from "../../../cli/commands/plan_command.ts";
import { linkBits, rankCount } from "../../../cli/rank_flags.ts";
import { dnpo, withFolder, writeConfig } from "../../_shared/dnpo.ts";
import { hasTerminal, inTerminal } from "../../_shared/terminal.ts";
import { jsonLines, tinyPairs, writeTinyModel } from "../../_shared/tiny_model.ts";

/** Runs `use` with the config of a dpo run on six pairs, whose folder is DIR/run. */
function withPairs(use: (of: { dir: string; config: string }) => Promise<void>): Promise<void> {
  return withFolder(async (dir) => {
    await writeTinyModel(`${dir}/model`);
    await Deno.writeTextFile(`${dir}/pairs.jsonl`, jsonLines(tinyPairs(6)));
    const config = await writeConfig({
      output_dir: `${dir}/run`,
      model: `${dir}/model`,
      method: "dpo",
      data: { train: `${dir}/pairs.jsonl` },
    });
    await use({ dir, config });
  });
}

Deno.test("dnpo plan prints parts, work and time, as text and as JSON, and exits with 1 where it does not fit", () =>
  withPairs(async ({ dir, config }) => {
    const text = await dnpo(["plan", config, "--memory", "1"]);
    assert.deepEqual([text.code, text.err], [0, ""]);
    for (const part of ["weights", "gradients", "moments", "activations", "LM head", "total"]) {
      assert.match(text.out, new RegExp(`^│ ${part} +│ +\\d.* (KiB|bytes|MiB) │$`, "m"), part);
    }
    assert.match(text.out, /^│ optimize │ +1 │ +[\d,]+ │ [\d.]+ [MG] │ +\d.*s │$/m);
    assert.match(text.out, /^Fits\.$/m);

    const json = await dnpo(["plan", config, "--no-time", "--json"]);
    const { model, stages, bytes, seconds } = JSON.parse(json.out);
    assert.equal(model.parameters, 5104);
    assert.equal(bytes, stages[0].bytes);
    assert.equal(seconds, null);
    await assert.rejects(Deno.stat(`${dir}/run`), Deno.errors.NotFound);

    const small = await dnpo(["plan", config, "--no-time", "--memory", String((bytes - 1) / 2 ** 30)]);
    assert.equal(small.code, 1);
    assert.match(
      small.out,
      /^Does not fit: optimize: needs .* of device memory, of which there are .*\n {2}with --set training\.gradient_checkpointing=true it takes /m,
    );
    const wrong = await dnpo(["plan", config, "--memory", "much"]);
    assert.deepEqual([wrong.code, wrong.err], [1, 'error: --memory: expected GiB such as 24, got "much"\n']);
  }));

Deno.test("dnpo plan says in a line how long rows are, and in another what is dropped and cut", () =>
  withFolder(async (dir) => {
    await writeTinyModel(`${dir}/model`);
    const rows = [[3, 4, 5, 6, 7, 8], [3], [4], [5]].map((ids) => ({
      prompt_ids: [1, ...ids],
      chosen_ids: [...ids, ...ids, 2],
      rejected_ids: [3, 2],
    }));
    await Deno.writeTextFile(`${dir}/pairs.jsonl`, jsonLines(rows));
    const shared = { model: `${dir}/model`, method: "dpo" };
    const config = (max_length: number) =>
      writeConfig({ ...shared, output_dir: `${dir}/run`, data: { train: `${dir}/pairs.jsonl`, max_length } });
    const whole = await dnpo(["plan", await config(64), "--no-time"]);
    assert.match(whole.out, /^ {12}half of the rows have at most 5, 99 % 20, the longest 20\nRun /m);
    const cut = await dnpo(["plan", await config(4), "--no-time"]);
    assert.match(
      cut.out,
      /^ {12}half of the rows have at most 4, .*\n {12}1 of 4 dropped, 3 answers of 4 rows cut at data\.max_length: dnpo data shows/m,
    );
  }));

Deno.test("dnpo plan --cards prints a table for cards of usual sizes, as text and as JSON, and takes no --memory", () =>
  withPairs(async ({ dir, config }) => {
    const text = await dnpo(["plan", config, "--cards"]);
    assert.deepEqual([text.code, text.err], [0, ""]);
    assert.match(
      text.out,
      /^Cards {7}97 % of a card's memory are used \(a GB being 10⁹ bytes\); .* bindings of up to 2\.00 GiB\n +are assumed/m,
    );
    for (const card of [8, 12, 16, 24, 48, 80]) {
      assert.match(text.out, new RegExp(`^│ ${card} GB +│ +[\\d.]+ GiB │ +[\\d.]+ KiB │ fits as it is +│$`, "m"));
    }
    const json = await dnpo(["plan", config, "--cards", "--json"]);
    const { bytes, cards, buffer_bytes } = JSON.parse(json.out);
    assert.deepEqual(cards[5], { gigabytes: 80, memory: 77_600_000_000, set: [], bytes });
    assert.equal(buffer_bytes, 2 ** 31 - 4);
    const both = await dnpo(["plan", config, "--cards", "--memory", "24"]);
    assert.deepEqual([both.code, both.err], [
      1,
      "error: Cannot plan with --memory and --cards: --memory is for one device, --cards for several; leave one out\n",
    ]);
    await assert.rejects(Deno.stat(`${dir}/run`), Deno.errors.NotFound);
  }));

Deno.test("dnpo plan --ranks prints what a rank holds and sends, by link, as text and as JSON", () =>
  withPairs(async ({ config }) => {
    const text = await dnpo(["plan", config, "--ranks", "2"]);
    assert.deepEqual([text.code, text.err], [0, ""]);
    assert.match(text.out, /^Ranks {7}2, each with 1 of the 2 shards of a step \(distributed\.shards=2\)$/m);
    assert.match(text.out, /^Device memory of a rank at most$/m);
    for (const link of ["1.00", "10.0", "100"]) {
      const cells = "│ +[\\d.]+ m?s ".repeat(4);
      assert.match(text.out, new RegExp(`^│ ${link} Gbit/s +${cells}│ +\\d+ % │$`, "m"), link);
    }
    assert.match(
      text.out,
      /^A rank sends [\d.]+ KiB a step, [\d.]+ [KM]iB in \d+ steps? of an iteration; gradients are sent in float32\.$/m,
    );
    assert.match(
      text.out,
      /^By lengths alone the efficiency is \d+ %: the rank with the most of a step's \d+ rows has 1\.\d\d times/m,
    );

    const json = await dnpo(["plan", config, "--ranks", "4", "--link", "2.5G", "--no-time", "--json"]);
    const { ranks } = JSON.parse(json.out);
    assert.deepEqual([ranks.ranks, ranks.shards, ranks.gradientDtype], [4, 4, "float32"]);
    // So few numbers are a slice of one rank, which gives them to two others, each of which has a piece for the next.
    assert.equal(ranks.trained.policy.length, 1);
    assert.ok(ranks.exchange.sent > 4 * ranks.trained.policy[0]);
    assert.deepEqual(ranks.links, [{ bits: 2.5e9, wire: ranks.links[0].wire, times: null, efficiency: null }]);
    const untimed = await dnpo(["plan", config, "--ranks", "4", "--link", "2.5G", "--no-time"]);
    assert.match(untimed.out, /^│ 2\.50 Gbit\/s │ +[\d.]+ ms │$/m);

    const { code, out, err } = await dnpo(["plan", config, "--ranks", "3"]);
    const problem = '--ranks: expected a power of two of at most 4096, such as 8, got "3"';
    assert.deepEqual([code, out, err], [1, "", `error: ${problem}\n`]);
  }));

Deno.test("a number of ranks and a link are read, or refused in a line", () => {
  assert.deepEqual([undefined, "1", "8", "4096"].map(rankCount), [undefined, 1, 8, 4096]);
  for (const value of ["0", "3", "-2", "8192", "1e3", "2.0", "", true]) {
    assert.throws(() => rankCount(value), {
      name: "UserError",
      message: `--ranks: expected a power of two of at most 4096, such as 8, got ${JSON.stringify(value)}`,
    });
  }
  assert.deepEqual([undefined, "200M", "2.5G", "1Tbit/s"].map(linkBits), [undefined, 200e6, 2.5e9, 1e12]);
  for (const value of ["fast", "0G", "10", "10g", "-1G", "9999T", ""]) {
    assert.throws(() => linkBits(value), {
      name: "UserError",
      message: `--link: expected bits per second such as 10G or 200M, got ${JSON.stringify(value)}`,
    });
  }
});

Deno.test("flags of which one leaves the other without a meaning are refused", async () => {
  const flags = { config: "none.yaml", set: [], memory: undefined, time: false, cards: false, json: false };
  const both = { ...flags, cards: true, ranks: 2, link: undefined };
  await assert.rejects(plan(both), /^UserError: Cannot plan with --ranks and --cards: /);
  const alone = { ...flags, ranks: undefined, link: 1e9 };
  await assert.rejects(
    plan(alone),
    /^UserError: Cannot plan with --link alone: it lies between ranks, expected --ranks/,
  );
});

Deno.test("dnpo plan breaks its lines between words in a narrow terminal", async () => {
  if (!await hasTerminal()) return;
  await withFolder(async (dir) => {
    await writeTinyModel(`${dir}/m`);
    await Deno.writeTextFile(`${dir}/pairs.jsonl`, jsonLines(tinyPairs(6)));
    const config = await writeConfig({
      output_dir: `${dir}/run`,
      model: `${dir}/m`,
      method: "dpo",
      data: { train: `${dir}/pairs.jsonl` },
    });
    const { shown } = await inTerminal(["plan", config, "--no-time"], [], { columns: 60 });
    assert.match(shown, /^ {12}half of the rows have at most 11, 99 % 13,( the)?\n {12}(the )?longest 13$/m);
    for (const line of shown.split("\n")) {
      // A path is not broken, so that it can be copied.
      assert.ok(line.length <= 60 || !/ \S/.test(line.trim()) || line.includes(dir), line);
    }
  });
});
