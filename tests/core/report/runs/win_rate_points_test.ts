import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { reportRuns } from "../../../../core/report/runs/report_runs.ts";
import { runFiles, withFiles } from "./_report_folders.ts";

/** Wins, ties and losses of an iteration. */
type Counts = readonly [wins: number, ties: number, losses: number];

/** A file of win rates of run `b` against `a`, an entry an iteration. */
function ratesText(
  { a, b, counts, temperature = 0 }: { a: string; b: string; counts: readonly Counts[]; temperature?: number },
): string {
  const side = { model: "m", mean_score: null, mean_tokens: 7, mean_characters: 9, truncated: 0 };
  const iterations = counts.map(([wins, ties, losses], iteration) => ({
    iteration,
    identity: "x",
    judge: "llm",
    rows: wins + ties + losses + 1,
    unjudged: 1,
    wins,
    ties,
    losses,
    win_rate: (wins + ties / 2) / (wins + ties + losses),
    win_rate_stderr: 0.05,
    win_rate_interval: [0.4, 0.7],
    p_value: 0.5,
    length_controlled: iteration === 0
      ? null
      : { rate: 0.625, stderr: 0.0625, interval: null, effect: 1, scale: 2, note: null },
    a: side,
    b: { ...side, mean_tokens: 8 },
    winner_tokens: 8,
    loser_tokens: 7,
    length_correlation: 0.25,
    orders_asked: 10,
    orders_disagree: 2,
    metrics: { "labels/requests": 20, "labels/cost": 0.5 },
  }));
  const settings = { generation: { temperature }, labels: { judge: "llm" } };
  return JSON.stringify({ a, b, prompts: "held.jsonl", settings, iterations });
}

/** Two seeds of SPIN and of both parts, and what is compared of them. */
async function report(
  comparisons: Readonly<Record<string, (dir: string) => string>>,
  runs = ["spin-1", "spin-2", "dnpo-1", "dnpo-2"],
): Promise<{ read: (name: string) => string; names: string[]; missing: string[] }> {
  const numbers = [{ greedy: 0.5 }, { greedy: 0.6 }, { greedy: 0.7 }];
  const made = [1, 2].flatMap((seed) => [
    runFiles(`spin-${seed}`, { seed, numbers }),
    runFiles(`dnpo-${seed}`, { seed, numbers, judge: "verifier", noise: true }),
  ]);
  return await withFiles(Object.assign({}, ...made), async (dir) => {
    for (const [name, text] of Object.entries(comparisons)) {
      await Deno.mkdir(`${dir}/compared/${name}`, { recursive: true });
      await Deno.writeTextFile(`${dir}/compared/${name}/win_rates.json`, text(dir));
    }
    const output = `${dir}/out`;
    const options = { runs: runs.map((run) => `${dir}/${run}`), output, winRates: `${dir}/compared` };
    const { files: names, missing } = await reportRuns(options);
    const texts = new Map<string, string>();
    for (const name of names) texts.set(name, (await Deno.readTextFile(`${output}/${name}`)).replaceAll(dir, "DIR"));
    return { read: (name) => texts.get(name)!, names, missing: missing.map((line) => line.replaceAll(dir, "DIR")) };
  });
}

const against = (a: string, b: string, counts: readonly Counts[], temperature = 0) => (dir: string): string =>
  ratesText({ a: `${dir}/${a}`, b: `${dir}/${b}`, counts, temperature });

Deno.test("win rates are means over seeds by iteration, each against the run of its seed", async () => {
  const { read, names, missing } = await report({
    one: against("spin-1", "dnpo-1", [[5, 0, 5], [6, 2, 2]]),
    two: against("spin-2", "dnpo-2", [[5, 2, 3], [9, 0, 1]]),
    other: against("spin-1", "elsewhere", [[1, 0, 0]]),
  });
  ok(names.includes("figures/win_rate-spin.svg"), `${names}`);
  const means = read("means.csv").split("\n").filter((line) => line.startsWith("win_rate/")).map((line) =>
    line.split(",")
  );
  deepEqual(means.map(([key, variant, , iteration, n]) => [key, variant, iteration, n]), [
    ["win_rate/spin", "dnpo", "0", "2"],
    ["win_rate/spin", "dnpo", "1", "2"],
  ]);
  // 0.5 and 0.6, then 0.7 and 0.9: half of the difference is the standard error of two.
  for (const [i, [mean, stderr]] of [[0.55, 0.05], [0.8, 0.1]].entries()) {
    ok(
      Math.abs(Number(means[i]![5]) - mean!) < 1e-12 && Math.abs(Number(means[i]![6]) - stderr!) < 1e-12,
      `${means[i]}`,
    );
  }
  const [heads, ...rows] = read("win_rates.csv").trimEnd().split("\n").map((line) => line.split(","));
  equal(rows.length, 4);
  const last = Object.fromEntries(rows[3]!.map((cell, i) => [heads![i], cell]));
  deepEqual(
    ["variant", "run", "against", "opponent", "iteration", "wins", "ties", "losses", "stderr", "low"].map((head) =>
      last[head]
    ),
    ["dnpo", "DIR/dnpo-2", "spin", "DIR/spin-2", "1", "9", "0", "1", "0.05", "0.4"],
  );
  deepEqual(["win rate", "win rate at equal lengths", "stderr at equal lengths"].map((head) => last[head]), [
    "0.9",
    "0.625",
    "0.0625",
  ]);
  deepEqual(["tokens", "opponent tokens", "orders disagree", "cost"].map((head) => last[head]), ["8", "7", "2", "0.5"]);
  match(
    read("index.html"),
    /<th scope="row">dnpo, seed 2 against spin<\/th><td>1<\/td><td>9<\/td><td>0<\/td><td>1<\/td>/,
  );
  match(read("figures/win_rate-spin.svg"), /^<svg [^]*>Win rate against spin<[^]*<\/svg>\n$/);
  ok(missing.includes("Win rates of other runs are left out: DIR/elsewhere."), missing.join("\n"));
  ok(missing.includes("Win rates leave out 4 prompts on which the judge had no verdict."), missing.join("\n"));
  // SPIN has no win rate against itself.
  ok(!missing.some((line) => line.includes("win rate against")), missing.join("\n"));
});

Deno.test("a single run's win rates have errors over prompts, against a model by its own name", async () => {
  const { read } = await report(
    { one: (dir) => ratesText({ a: "hub/base", b: `${dir}/dnpo-1`, counts: [[5, 0, 5]] }) },
    [
      "dnpo-1",
    ],
  );
  match(read("index.html"), /Win rate against hub\/base[^]*Bars are standard errors over the prompts\./);
  const [heads, ...rows] = read("runs.csv").trimEnd().split("\n").map((line) => line.split(","));
  const row = rows.find((cells) => cells[heads!.indexOf("iteration")] === "0")!;
  equal(row[heads!.indexOf("win_rate/hub/base stderr")], "0.05");
});

Deno.test("win rates that do not compare are refused in one line", async () => {
  const counts: Counts[] = [[1, 0, 0]];
  const first = against("spin-1", "dnpo-1", counts);
  for (
    const [comparisons, message] of [
      [
        { one: first, two: against("spin-2", "dnpo-2", counts, 1) },
        /^Cannot go on with the win rates against spin in \S+: generation\.temperature is 1, expected 0 as in \S+; compare both /,
      ],
      [
        { one: first, two: against("spin-2", "dnpo-1", counts) },
        /^Cannot report on the win rates in \S+: \S+dnpo-1 is compared with \S+spin-1 and \S+spin-2, which are both spin, expected one /,
      ],
      [{ one: against("spin-1", "elsewhere", counts) }, /: they are of \S+elsewhere, expected one of these runs$/],
      [
        { one: (dir: string) => first(dir).replaceAll('"mean_tokens":7', '"mean_tokens":"7"') },
        /^Cannot read \S+win_rates\.json: its a, b, prompts, settings or iterations are missing /,
      ],
      [
        { one: (dir: string) => first(dir).replace('"win_rate_interval":[0.4,0.7],', "") },
        /^Cannot read \S+win_rates\.json: its a, b, prompts, settings or iterations are missing /,
      ],
      [{ one: () => "{}" }, /^Cannot read \S+win_rates\.json: its a, b, prompts, settings or iterations are missing /],
      [{}, /^Cannot report on the win rates in \S+compared: there is no such folder, expected win_rates\.json in one$/],
    ] as const
  ) {
    await rejects(report(comparisons), ({ name, message: text }: Error) => {
      match(text, message);
      return name === "UserError" && !text.includes("\n");
    });
  }
});

Deno.test("each opponent has a figure's file of its own, whatever the names become", async () => {
  const { names } = await report(
    Object.fromEntries(
      ["m/a/b", "m/a-b", "m/a-b-2", "M/a-b"].map((a, i) => [
        `c${i}`,
        (dir: string): string => ratesText({ a, b: `${dir}/dnpo-1`, counts: [[5, 0, 5], [6, 2, 2]] }),
      ]),
    ),
    ["dnpo-1"],
  );
  const figures = names.filter((name) => name.startsWith("figures/win_rate-"));
  equal(new Set(figures.map((name) => name.toLowerCase())).size, 4, `${figures}`);
});
