/** What trackers are told of a run, and the file that keeps who it is there. @module */
import denoConfig from "../../../deno.json" with { type: "json" };
import type { ResolvedConfig } from "../../config/config_types.ts";
import { writeFileAtomic } from "../../files/atomic.ts";
import { exists, objectOf, readOptionalText } from "../../files/io.ts";
import { basename, withoutTrailing } from "../../files/path.ts";
import { maskCredentials } from "../../safe_text.ts";
import { isRecord } from "../../values.ts";
import { runPaths } from "../run_paths.ts";
import type { TrackedRun } from "./tracker.ts";

/** Who a run is to trackers, for as long as it goes on. */
export class RunIdentity {
  readonly id: string;
  readonly created: number;
  readonly #path: string;
  /** By a server's address, the run's id there. */
  readonly #servers: Map<string, string>;

  private constructor(path: string, { id, created, servers }: { id: string; created: number; servers: object }) {
    this.#path = path;
    this.id = id;
    this.created = created;
    this.#servers = new Map(Object.entries(servers).filter((entry): entry is [string, string] => isText(entry[1])));
  }

  /** Reads the identity of the run in `folder`, or makes one. Throws a UserError if it cannot be written. */
  static async open(folder: string): Promise<RunIdentity> {
    const { tracking } = runPaths(folder);
    const text = await readOptionalText(tracking);
    const { id, created, servers } = (text === null ? null : objectOf(text)) ?? {};
    // The id becomes a part of paths.
    if (isText(id) && /^[0-9a-f]{32}$/.test(id) && Number.isSafeInteger(created) && Math.abs(Number(created)) < 8e15) {
      return new RunIdentity(tracking, { id, created: Number(created), servers: isRecord(servers) ? servers : {} });
    }
    const fresh = { id: crypto.randomUUID().replaceAll("-", ""), created: Date.now(), servers: {} };
    const identity = new RunIdentity(tracking, fresh);
    await identity.#write();
    return identity;
  }

  /** The run's id on the server at an address; undefined if it has none yet. */
  on(server: string): string | undefined {
    return this.#servers.get(server);
  }

  /** Keeps the run's id on a server. */
  async keep(server: string, run: string): Promise<void> {
    this.#servers.set(server, run);
    await this.#write();
  }

  async #write(): Promise<void> {
    const { id, created } = this;
    const text = JSON.stringify({ id, created, servers: Object.fromEntries(this.#servers) }, null, 2);
    await writeFileAtomic(this.#path, text + "\n");
  }
}

/** The run of a config, as trackers know it. A base that is a local folder is named without its path. */
export async function trackedRun(
  config: ResolvedConfig,
  { id, created }: Pick<RunIdentity, "id" | "created">,
): Promise<TrackedRun> {
  const { model, method, output_dir: folder, training: { run_name: name, project } } = config;
  const base = model === undefined ? {} : { base_model: await exists(model) ? nameOf(model) : model };
  const tags = { method, ...base, version: `dnpo ${denoConfig.version}` };
  return { id, created, name: name ?? nameOf(folder), project, config: plain(config), tags };
}

function nameOf(path: string): string {
  return basename(withoutTrailing(path));
}

/** The config without what JSON has not, and without passwords of addresses. */
function plain(config: ResolvedConfig): Record<string, unknown> {
  const text = JSON.stringify(config, (_, value) => typeof value === "string" ? maskCredentials(value) : value);
  return JSON.parse(text);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}
