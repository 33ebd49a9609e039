/** The first screen of a run's page: what was trained on what, whether it got better, what it cost. @module */
import { counted } from "../counted.ts";
import { formatSize } from "../progress.ts";
import { iterationValues } from "../run/read_run.ts";
import type { RunView } from "../run/run_reader.ts";
import { isRecord, largest } from "../values.ts";
import { duration, moment, number, PLUS_MINUS, plusMinus, signed, whole } from "./format_numbers.ts";
import { escapeMarkup } from "./markup.ts";
import { measureOf } from "./measures.ts";
import { type Change, changesOf } from "./run_answer.ts";
import { STAGE_NAMES, stagePlan } from "./stage_plan.ts";

/** The section's content. */
export function answerSection(run: RunView): string {
  const changes = changesOf(run, run.evaluated);
  const isRunning = run.state === "running";
  return [
    `<h2>${escapeMarkup(verdictOf(changes, isRunning))}</h2>`,
    `<p class="lead">${leadOf(run)}</p>`,
    changes.length === 0
      ? `<p>${unknownAnswer(run)}</p>`
      : `<div class="cards">${changes.map((change) => changeCard(change)).join("\n")}</div>`,
    pickedText(run),
    factList(run),
  ].join("\n");
}

function verdictOf([change]: readonly Change[], isRunning: boolean): string {
  const soFar = isRunning ? "So far: " : "";
  if (change === undefined) {
    return isRunning ? "Whether it gets better is not known yet" : "Whether it got better is not known";
  }
  const word = change.sure === null
    ? `the ${change.name} ${movedWord(change)}`
    : { better: "the model got better", worse: "the model got worse", unclear: "no clear change" }[change.verdict];
  const text = `${soFar}${word}`;
  return text[0]!.toUpperCase() + text.slice(1);
}

/** How a number moved whose error is not known. */
function movedWord({ from, to }: Change): string {
  return to < from ? "fell" : to > from ? "rose" : "stayed";
}

/** Why there is no answer, and what there is instead. */
function unknownAnswer(run: RunView): string {
  const data = isRecord(run.config.data) ? run.config.data : {};
  const losses = run.steps.flatMap(({ values }) => values.loss ?? []);
  const training = losses.length < 2
    ? ""
    : ` The loss on the training rows went from ${number(losses[0]!, false)} to ${
      number(losses.at(-1)!, false)
    }, which says little of other rows.`;
  const why = typeof run.config.stage === "string"
    ? "A stage that runs alone evaluates nothing: <code>dnpo compare</code> compares its model with the one before."
    : data.eval === undefined || data.eval === null
    ? "No held-out rows are evaluated: <code>data.eval</code> names none."
    : "It takes evaluations of the start and of an iteration, which are not there yet.";
  return why + training;
}

/** The units of changes that are neither shares nor scores. */
const UNITS: Readonly<Record<string, string>> = {
  eval_loss: "nats per token",
  eval_preference_loss: "of the loss",
};

function changeCard(change: Change): string {
  const { name, isShare, from, to, between, best, sure, isHigherBetter, verdict } = change;
  const unit = isShare ? "points" : UNITS[change.key] ?? "of the score";
  const difference = to - from;
  const error = (stderr: number | null = null): string => plusMinus(stderr, isShare);
  const word = sure === null ? ["", movedWord(change)] : {
    better: ["good", "better"],
    worse: ["bad", "worse"],
    unclear: ["", "no clear change"],
  }[verdict];
  const known = sure === null
    ? `No error is known: only the mean is kept. ${isHigherBetter ? "Higher" : "Lower"} is better.`
    : `95 % interval of the change ${signed(sure.low, isShare)} to ${signed(sure.high, isShare)}${
      sure.rows === null ? "" : `, n\u00a0=\u00a0${whole(sure.rows)} prompts`
    }.${sure.stderr === null ? "" : ` ${PLUS_MINUS}.`}`;
  return `<div class="card"><h3>${escapeMarkup(name)}</h3>` +
    `<p class="big">${signed(difference, isShare)}${error(sure?.stderr)} <span class="unit">${unit}</span></p>` +
    `<p>${number(from, isShare)}${error(sure?.errors[0])} (${placeOf(between[0])}) → <strong>${
      number(to, isShare)
    }</strong>${error(sure?.errors[1])} (${placeOf(between[1])}) <span class="pill ${word[0]}">${word[1]}</span></p>` +
    `<p class="small soft">${known}${
      best === null ? "" : ` Best: ${number(best.value, isShare)} after iteration ${best.iteration}.`
    }</p></div>`;
}

function placeOf(iteration: number): string {
  return iteration === -1 ? "start" : `iteration\u00a0${iteration}`;
}

/** What was trained on what, as a sentence. */
function leadOf(run: RunView): string {
  const { config, state } = run;
  if (Object.keys(config).length === 0) return "What was trained on what is not known: the folder holds no settings.";
  const code = (text: string): string => text === "" ? "" : `<code>${escapeMarkup(text)}</code>`;
  const method = config.stage ?? config.method;
  const data = isRecord(config.data) ? config.data : {};
  const rows = code(sourceText(data.train));
  const prompts = iterationValues(run).find(({ values }) => values.rows !== undefined)?.values.rows;
  const judge = judgeText(config);
  const generates = `on its own answers${
    rows === "" ? "" : ` to ${prompts === undefined ? "the prompts" : counted(prompts, "prompt")} of ${rows}`
  }`;
  const on = method === "optimize"
    ? `on the pairs of ${code(sourceText(config.pairs)) || "a file"}`
    : method === "sft"
    ? `on the human answers${rows === "" ? "" : ` of ${rows}`}`
    : method === "dpo" && prompts === undefined
    ? `on the preference pairs of ${rows}`
    : `${generates}${judge === "" ? "" : `, judged against the human ones by ${judge}`}`;
  const done = run.iterations.filter(({ iteration }) => iteration >= 0).length;
  const planned = typeof config.iterations === "number" && config.stage === undefined ? config.iterations : null;
  const rounds = planned === null
    ? ""
    : state === "done"
    ? run.endedAfter === undefined
      ? `, ${counted(planned, "iteration")}`
      : `, ${done} of ${counted(planned, "iteration")}, as the last ones got no better`
    : `, ${done} of ${counted(planned, "iteration")} done`;
  const name = typeof method === "string"
    ? (Object.hasOwn(METHODS, method) ? METHODS[method]! : method)
    : "method unknown";
  return `${typeof config.model === "string" ? code(config.model) : "A model"} ${
    state === "running" ? "is being" : "was"
  } trained ${on} (${escapeMarkup(name)}${rounds}).`;
}

const METHODS: Readonly<Record<string, string>> = {
  dnpo: "DNPO",
  spin: "SPIN",
  dpo: "DPO",
  sft: "supervised fine-tuning",
  optimize: "one stage of preference optimization",
};

/** A data set's name or names. */
function sourceText(value: unknown): string {
  const one = (entry: unknown): string =>
    typeof entry === "string" ? entry : isRecord(entry) && typeof entry.path === "string" ? entry.path : "";
  return (Array.isArray(value) ? value : [value]).map(one).filter((name) => name !== "").join(", ");
}

const JUDGES: Readonly<Record<string, string>> = {
  human: "nobody: the human answer is always chosen",
  verifier: "the verifier",
  logprob: "the likelihood under",
  "reward-model": "the reward model",
  llm: "the language model",
  self: "the model itself",
  ensemble: "an ensemble",
  function: "a function of the calling program",
};

/** The judges of the iterations, each once, with what they judge by. */
function judgeText(config: RunView["config"]): string {
  const entries = [config.labels ?? []].flat().filter(isRecord);
  const named = entries.map(({ judge, verifier, model }) => {
    const by = [verifier, model].find((name) => typeof name === "string");
    return `${Object.hasOwn(JUDGES, String(judge)) ? JUDGES[String(judge)] : escapeMarkup(String(judge))}${
      by === undefined ? "" : ` <code>${escapeMarkup(String(by))}</code>`
    }`;
  });
  return [...new Set(named)].join(", ");
}

function factList(run: RunView): string {
  const { config, timings } = run;
  const data = isRecord(config.data) ? config.data : {};
  const { seconds, cells } = stagePlan(run);
  const tokens = timings.reduce((sum, line) => sum + (line.tokens ?? 0), 0);
  const peak = largest(timings, ({ device_bytes = 0 }) => device_bytes);
  const cost = iterationValues(run).reduce((sum, { values }) => sum + (values.cost ?? 0), 0);
  const code = (text: string): string => `<code>${escapeMarkup(text)}</code>`;
  const held = sourceText(data.eval);
  const counts = [...new Set(run.evaluated.values())].map(whole).join(", ");
  const byStage = STAGE_NAMES.flatMap((stage) => {
    const own = cells.filter((cell) => cell.stage === stage && cell.seconds !== null);
    return own.length === 0 ? [] : [`${stage} ${duration(own.reduce((sum, cell) => sum + cell.seconds!, 0))}`];
  });
  const ended = run.log.at(-1);
  const facts: (readonly [string, string])[] = [
    [
      "Time at work",
      seconds === 0 ? "" : `${duration(seconds)}${byStage.length > 1 ? ` (${byStage.join(", ")})` : ""}`,
    ],
    ["Began", run.began === null ? "" : moment(run.began.at)],
    [
      run.state === "running" ? "Last written" : "Ended",
      ended?.end === undefined
        ? moment(run.written)
        : `${moment(ended.at)}${ended.end === "done" ? "" : `, ${escapeMarkup(ended.end)}`}`,
    ],
    ["Device", run.device === null ? "" : escapeMarkup(run.device.replace(/, \d+$/, ""))],
    ["Device memory, at the most", peak > 0 ? formatSize(peak) : ""],
    ["Tokens generated", tokens > 0 ? whole(tokens) : ""],
    ["Cost of the judge, by the config's prices", cost > 0 ? number(cost, false) : ""],
    ["Held-out rows", held === "" ? "" : `${code(held)}${counts === "" ? "" : `, n = ${counts}`}`],
    ["Versions", run.began === null ? "" : versionsOf(run.began.begin)],
    ["Folder", code(run.dir)],
    ["Model handed out", run.model === null || run.state !== "done" ? "" : `${code(run.model)}${bestText(run)}`],
    ["Edited by hand after they were made", run.edited.length === 0 ? "" : code(run.edited.join(", "))],
  ];
  const items = facts.filter(([, value]) => value !== "").map(([name, value]) =>
    `<div><dt>${name}</dt><dd>${value}</dd></div>`
  );
  return `<dl class="facts">${items.join("")}</dl>`;
}

/** What the numbers of an iteration are worth that was picked by them; empty if there was nothing to pick. */
function pickedText({ best, iterations }: RunView): string {
  const count = iterations.filter(({ iteration }) => iteration >= 0).length;
  if (best === undefined || count < 2) return "";
  return `<p class="small soft">Iteration ${best.iteration} was picked as the best of ${count} on these very rows, which ` +
    "flatters it a little: rows that pick nothing tell more.</p>";
}

/** Which iteration's model is handed out as the best one, and by what; empty if that is off. */
function bestText({ best }: RunView): string {
  if (best === undefined) return "";
  const { name, kind } = measureOf(best.metric);
  return `, of iteration ${best.iteration}, the best by ${escapeMarkup(name)} (${
    number(best.value, kind === "share")
  })`;
}

function versionsOf(begin: unknown): string {
  const { dnpo, deno, system } = isRecord(begin) ? begin : {};
  return escapeMarkup(`dnpo ${dnpo}, Deno ${deno}, ${system}`);
}
