/** Opens the servers of `generation.server`, and checks that they serve the model that has to answer. @module */
import { SERVER_DEFAULTS } from "../config/config.ts";
import type { GenerationConfig } from "../config/config_types.ts";
import { UserError } from "../error.ts";
import { isFolder, isSamePlace } from "../files/io.ts";
import { noteNowAndThen } from "../run/row_notes.ts";
import type { RunContext } from "../run/run_context.ts";
import { iterationPaths } from "../run/run_paths.ts";
import { readApiKey } from "../server/api_key.ts";
import { fatal, Server } from "../server/openai_client.ts";
import type { Serving } from "./served_generation.ts";

/** The model that has to be served. */
export interface ServedModel {
  iteration: number;
  /** Folder of the model that answers in this iteration. */
  dir: string;
  generation: GenerationConfig;
}

/**
 * Opens the servers and checks their lists of models. Throws a UserError if a server does not have the model, or if the
 * model cannot be distinguished from an earlier iteration's: responses of old weights would go unnoticed.
 */
export async function openServed(context: RunContext, { iteration, dir, generation }: ServedModel): Promise<Serving> {
  const { signal, onNote } = context;
  const urls = [generation.server!].flat().map((url) => url.replace(/\/+$/, ""));
  const name = generation.server_model?.replaceAll("{iteration}", String(iteration));
  const { timeout, max_retries } = { ...SERVER_DEFAULTS, ...generation };
  const onRetry = noteNowAndThen(onNote);
  const servers: Server[] = [];
  const models: string[] = [];
  for (const url of urls) {
    const server = await Server.open({
      url,
      apiKey: await readApiKey(generation, url),
      timeout,
      maxRetries: max_retries,
      onRetry,
    });
    const offered = await server.models(signal).catch((error) => {
      throw fatal(error, `Cannot generate iteration ${iteration}`, "");
    });
    models.push(await chooseModel(context, { url, offered, name, iteration, dir, pattern: generation.server_model }));
    servers.push(server);
  }
  const [model] = models;
  const other = models.findIndex((id) => id !== model);
  if (other !== -1) {
    throw new UserError(
      `Cannot generate: ${urls[0]} serves "${model}" and ${urls[other]} serves "${
        models[other]
      }", expected one model; set generation.server_model`,
    );
  }
  onNote(
    `Generating iteration ${iteration} with "${model}" at ${urls.join(", ")}: it has to have the weights of ${dir}`,
  );
  const { iterations, method } = context.config;
  if (iterations > iteration + 1 && method !== "sft") {
    const next = generation.server_model?.includes("{iteration}")
      ? ` as "${generation.server_model.replaceAll("{iteration}", String(iteration + 1))}"`
      : "";
    onNote(
      `After iteration ${iteration} the run stops; the same command goes on once that iteration's model is served${next}`,
    );
  }
  return { servers, model: model!, signal, onNote };
}

interface ServerChoice {
  url: string;
  offered: Awaited<ReturnType<Server["models"]>>;
  /** The model's name on the server, from the config; undefined if none is set. */
  name: string | undefined;
  /** The name as the config writes it, with {iteration}. */
  pattern: string | undefined;
  iteration: number;
  dir: string;
}

async function chooseModel(
  { config, onNote }: RunContext,
  { url, offered, name, pattern, iteration, dir }: ServerChoice,
): Promise<string> {
  const action = `Cannot generate iteration ${iteration} with ${url}`;
  const isNamed = pattern?.includes("{iteration}") ?? false;
  const list = (offered ?? []).map(({ id }) => `"${id}"`).join(", ") || "no model";
  if (offered === null && name === undefined) {
    throw new UserError(`${action}: it has no list of models; set generation.server_model`);
  }
  const chosen = name ?? (offered!.length === 1 ? offered![0]!.id : undefined);
  if (chosen === undefined) {
    throw new UserError(`${action}: it serves ${list}; set generation.server_model to one of them`);
  }
  const found = offered?.find(({ id }) => id === chosen);
  if (offered !== null && found === undefined) {
    throw new UserError(
      `${action}: it serves ${list}, expected "${chosen}"; serve ${dir} under that name and give the same command again`,
    );
  }
  const root = found?.root ?? null;
  const isRoot = root !== null && await isSamePlace(root, dir);
  const isFirst = dir !== iterationPaths(config.output_dir, iteration - 1).model;
  // The first model is whatever the user serves; later ones must be recognized by their name or path.
  if (!isFirst && !isRoot && !isNamed) {
    throw new UserError(
      `${action}: it serves "${chosen}"${
        root === null ? "" : ` of ${root}`
      }, which cannot be told from an older iteration's; ` +
        `serve ${dir} and give the same command again, with generation.server_model: NAME-{iteration} (here NAME-${iteration}) ` +
        `where the server does not list its path`,
    );
  }
  if (offered === null) onNote(`${url} has no list of models, so that it cannot be told whether it serves "${chosen}"`);
  if (isFirst && !isRoot && root !== null && await isFolder(root)) {
    onNote(`${url} serves "${chosen}" of ${root}, not of ${dir}: do they have the same weights?`);
  }
  return chosen;
}
