/** `dnpo init`. @module */
import { dirname, join } from "node:path";
import { configJsonSchema, loadConfig, SCHEMA_TITLE } from "../../core/config/config.ts";
import { UserError } from "../../core/error.ts";
import { makeFolder, writeFileAtomic } from "../../core/files/atomic.ts";
import { refuseExisting } from "../../core/files/existing_output.ts";
import { isFolder } from "../../core/files/io.ts";
import type { Values } from "../command_entry.ts";
import { InitChecks } from "../init_checks.ts";
import { sayText, tell } from "../print.ts";
import { type Answers, judgeChoices, neededBy, type StarterJudge, writeStarter } from "../starter_config.ts";
import { movesCursor } from "../terminal_kind.ts";

const SCHEMA_FILE = "dnpo.schema.json";

/** Writes a commented config from flags and, in a terminal, from answers; prints what to run next. */
export async function init(file: string | undefined, values: Values): Promise<number> {
  const given = readFlags(values);
  const asks = Deno.stdin.isTerminal() && movesCursor(Deno.stdout);
  const path = file ?? "config.yaml";
  if (await isFolder(path)) throw new UserError(`Cannot write ${path}: it is a folder, expected a file's name`);
  await refuseExisting(path, { action: `Cannot write ${path}`, force: values.force === true });
  const { ask } = asks ? await import("../init_questions.ts") : { ask: withoutQuestions };
  const checks = new InitChecks((line) => tell(line));
  await checkGiven(given, checks);
  const answers = await ask(given, path, checks);
  if (answers === null) {
    tell("Nothing was written.");
    return 130;
  }
  const { positions, folder } = checks.facts;
  if (positions !== null) answers.positions = positions;
  // A config names the model itself.
  if (folder !== null) answers.model = folder;
  const text = writeStarter(answers, { path, schemaFile: SCHEMA_FILE });
  await checkText(text);
  const schemaPath = join(dirname(path), SCHEMA_FILE);
  await writeSchema(schemaPath, { force: values.force === true });
  await writeFileAtomic(path, text);
  sayText(
    `Wrote ${path}, and ${schemaPath} for editors. Next:`,
    `  dnpo plan ${path}    memory, work and time, before anything is loaded`,
    `  dnpo train ${path}   the run; the same command goes on with a run that was stopped`,
  );
  return 0;
}

function readFlags(values: Values): Partial<Answers> {
  const text = (name: string): string | undefined => typeof values[name] === "string" ? values[name] : undefined;
  const judge = readJudge(text("judge"));
  const iterations = text("iterations");
  if (iterations !== undefined && !/^[1-9]\d*$/.test(iterations)) {
    throw new UserError(`--iterations: expected a number from 1 on, got ${JSON.stringify(iterations)}`);
  }
  const flags = {
    model: text("model"),
    data: text("data"),
    method: text("method") as Answers["method"] | undefined,
    judge,
    verifier: text("verifier"),
    judgeModel: text("judgeModel"),
    iterations: iterations === undefined ? undefined : Number(iterations),
    output: text("output"),
    heldOut: text("eval"),
    lora: values.lora === true ? true : undefined,
  };
  return Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
}

function readJudge(typed: string | undefined): StarterJudge | undefined {
  if (typed === "ensemble") {
    throw new UserError("--judge: init writes no ensemble; write labels.judges into a config that it made");
  }
  const known = judgeChoices();
  const judge = known.find((name) => name === typed);
  if (typed === undefined || judge !== undefined) return judge;
  throw new UserError(`--judge: expected ${known.join(", ")}, got ${JSON.stringify(typed)}`);
}

/** Checks what the flags say, in the order in which it is asked for. Throws a UserError. */
async function checkGiven(given: Partial<Answers>, checks: InitChecks): Promise<void> {
  const { model, data, heldOut, method, judge } = given;
  if (model !== undefined) await checks.model(model);
  if (data !== undefined) await checks.data(data);
  if (heldOut !== undefined) await checks.heldOut(heldOut);
  if (method !== undefined && data !== undefined) checks.method(method, data);
  for (const { name, key } of judge === undefined ? [] : neededBy(judge)) {
    const value = given[key];
    if (value !== undefined) await checks.need(name, value);
  }
}

/** The answers without a terminal: flags, otherwise defaults. Throws a UserError naming a flag that is missing. */
function withoutQuestions(given: Partial<Answers>, path: string, checks: InitChecks): Promise<Answers> {
  const method = given.method ?? "dnpo";
  const { judge = "human" } = given;
  const answers = { ...given, method, judge, iterations: given.iterations ?? (method === "sft" ? 1 : 3) };
  const needs = [
    { key: "model", flag: "--model" } as const,
    { key: "data", flag: "--data" } as const,
    // A default would be judge human, which makes SPIN of it.
    ...(method === "dnpo" ? [{ key: "judge", flag: `--judge (${judgeChoices().join(", ")})` } as const] : []),
    ...(method === "dnpo" ? neededBy(judge) : []),
  ];
  const missing = needs.find(({ key }) => given[key] === undefined);
  if (missing) {
    throw new UserError(`Cannot write ${path}: ${missing.flag} is not given, and there is no terminal to ask in`);
  }
  const adapter = checks.adapterReason(given.model!);
  if (given.lora === undefined && adapter !== null) {
    answers.lora = true;
    tell(adapter);
  } else if (given.lora === undefined && checks.isTight()) tell(`${checks.memoryLine()} --lora trains an adapter.`);
  return Promise.resolve(answers as Answers);
}

/** Throws if the text is not a valid config, so that it is never written. */
async function checkText(text: string): Promise<void> {
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    await Deno.writeTextFile(file, text);
    await loadConfig(file);
  } finally {
    await Deno.remove(file);
  }
}

async function writeSchema(path: string, { force }: { force: boolean }): Promise<void> {
  const there = await Deno.readTextFile(path).catch(() => null);
  if (there !== null && !force && !there.includes(`"title": ${JSON.stringify(SCHEMA_TITLE)}`)) {
    throw new UserError(`Cannot write ${path}: another file is there; move it away, or give --force`);
  }
  await makeFolder(dirname(path));
  await writeFileAtomic(path, JSON.stringify(configJsonSchema(), null, 2) + "\n");
}
