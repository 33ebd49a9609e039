import assert from "node:assert/strict";
import { parse, stringify } from "yaml";
import { type CardSource, modelCard } from "../../../core/report/model_card.ts";
import { writeReport } from "../../../core/report/write_report.ts";
import { readRun } from "../../../core/run/read_run.ts";
import { lines, withRun } from "../_run_folders.ts";
import { HOSTILE } from "./_hostile_names.ts";

/** A run whose settings have every hostile name as a value and as a key. */
function filesOf(hostile: string): Record<string, string> {
  const named = Object.fromEntries(HOSTILE.flatMap((name, i) => [[`k${i}`, name], [name || "empty", i]]));
  const settings = {
    model: hostile,
    method: hostile,
    data: { train: `data ${hostile}`, eval: `held ${hostile}` },
    labels: { judge: hostile, base_url: "http://me:hunter2@127.0.0.1/v1" },
    noise: { update: hostile },
    ...named,
  };
  const metric = { iteration: 0, greedy: 0.5, [hostile]: 1 };
  return {
    "config.yaml": stringify(settings),
    "metrics.jsonl": lines({ iteration: 0, step: 1, loss: 0.5, [hostile]: 1 }),
    "summary.json": JSON.stringify({ iterations: [metric], model: hostile }),
    "log.jsonl": lines(
      { at: hostile, note: "left out" },
      { at: "2026-01-01T00:00:00Z", note: hostile },
      { at: "2026-01-01T00:00:00Z", begin: { dnpo: hostile } },
      { at: "2026-01-01T00:00:00Z", end: hostile },
    ),
    "timings.jsonl": lines({ iteration: 0, stage: hostile, seconds: 1 }),
    "kernels.json": JSON.stringify({ adapter: hostile }),
    "pairs.jsonl": lines({
      ...{
        row: 0,
        prompt: hostile,
        messages: [{ role: hostile, content: hostile }],
        chosen: hostile,
        rejected: hostile,
      },
      ...{ chosen_from: hostile, score_human: 1, score_generated: 2 },
    }),
  };
}

const sourceOf = (source: string, type: CardSource["type"], hostile: string): CardSource => ({
  ...{ source, type, repo: `org/${hostile}`, commit: hostile.padEnd(12, "0"), config: hostile, split: hostile },
  license: hostile,
});

async function cardOf(hostile: string): Promise<{ header: Record<string, unknown>; text: string }> {
  const card = await withRun(filesOf(hostile), async (dir) => {
    const run = await readRun(dir);
    return modelCard({ ...run, edited: [hostile] }, {
      repo: `me/${hostile}`,
      sources: [
        sourceOf(hostile, "model", hostile),
        sourceOf(`data ${hostile}`, "dataset", hostile),
        sourceOf(`held ${hostile}`, "dataset", hostile),
      ],
      figure: "figure.svg",
    });
  });
  // The hub reads up to the first such line.
  const [, yaml, text] = /^---\n([\s\S]*?)\n---\n([\s\S]*)$/.exec(card)!;
  return { header: parse(yaml!), text: text! };
}

Deno.test("modelCard() lets no name be a key, a line, a cell, a link or a tag", async () => {
  const plain = await cardOf("plain");
  const rows = (text: string): number => text.split("\n").length;
  for (const name of HOSTILE) {
    const { header, text } = await cardOf(name);
    assert.deepEqual(Object.keys(header), Object.keys(plain.header), name);
    assert.doesNotMatch(JSON.stringify(header), /\\[nr]/, name);
    // deno-lint-ignore no-control-regex
    const unsafe = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e]|hunter2/;
    assert.doesNotMatch(Object.values(header).flat().join() + text, unsafe, name);
    assert.equal(rows(text), rows(plain.text), name);
    const prose = text.replace(/^```\w+$[^]*?^```$/gm, "").replaceAll(/`[^`]*`|<\/?code>/g, "");
    assert.doesNotMatch(prose.replaceAll(/\]\([^\s]*\)/g, ""), /[<>`\\]|https?:\/\//, name);
    for (const line of prose.split("\n").filter((line) => line.startsWith("|"))) {
      assert.ok([3, 4].includes(line.split("|").length - 1) && line.endsWith("|"), line);
    }
    const targets = [...prose.matchAll(/\]\(([^\s]*?)\)/g)].map(([, target]) => target!);
    const known = /^(figure\.svg|https:\/\/(arxiv\.org|huggingface\.co)\/[^()<>\s]*)$/;
    assert.ok(targets.length >= 5 && targets.every((target) => known.test(target)), targets.join("\n"));
  }
});

Deno.test("writeReport() lets no name be a tag", async () => {
  const tagsOf = async (name: string): Promise<string[]> => {
    const page = await withRun(filesOf(name), async (dir) => await Deno.readTextFile(await writeReport(dir)));
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(page, /[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e]|hunter2/, name);
    return [...page.matchAll(/<[^<>]*>/g)].map(([tag]) => tag.replace(/aria-label="[^"]*"/, ""));
  };
  const plain = await tagsOf("plain");
  for (const name of HOSTILE) if (name !== "") assert.deepEqual(await tagsOf(name), plain, name);
});
