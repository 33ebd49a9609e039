/** Serves the pages of runs to this machine's browser: read only, but for the wish that a run stops. @module */
import { UserError } from "../error.ts";
import { isFolder } from "../files/io.ts";
import { PAGE_STYLE } from "../report/page_style.ts";
import { type PageBlocks, pageOf, policyHash } from "../report/run_page.ts";
import { runPaths } from "../run/run_paths.ts";
import { safeLine } from "../safe_text.ts";
import { Follower } from "./follower.ts";
import { DEADLINE_MS, inTime, SilentFolder } from "./in_time.ts";
import { PAGE_SCRIPT } from "./page_script.ts";
import { folderName, WatchedRuns } from "./watched_runs.ts";

/** What is watched, and where. */
export interface WatchOptions {
  /** A run's folder, or a folder of runs. */
  dir: string;
  /** The port on 127.0.0.1 (default: a free one). */
  port?: number;
  /** Milliseconds between two looks at the files (default: 1000). */
  interval?: number;
  /** Milliseconds that the folder has to answer (default: 10,000). */
  deadline?: number;
}

/** A server that runs until it is disposed of. */
export interface WatchServer extends AsyncDisposable {
  /** The page's address, with the token that it is secret by. */
  address: string;
}

/** Pages that may be followed at a time. */
const MAX_FOLLOWED = 32;

/** Milliseconds after which an event stream shows that it is alive. */
const HEARTBEAT_MS = 15_000;

/** Milliseconds that browsers have to take what they are being sent when the server ends. */
const GRACE_MS = 3000;

/** Pages whose parts are kept. */
const MAX_FOLLOWERS = 32;

/** Starts the server. Throws a UserError if there is no such folder, or the port is taken. */
export async function startWatch(
  { dir, port = 0, interval = 1000, deadline = DEADLINE_MS }: WatchOptions,
): Promise<WatchServer> {
  if (!await isFolder(dir)) {
    throw new UserError(`Cannot watch ${dir}: there is no such folder, expected a run's or one of runs`);
  }
  const site = new WatchSite(dir, { interval, deadline });
  await site.prepare();
  let server: Deno.HttpServer<Deno.NetAddr>;
  try {
    server = Deno.serve(
      { hostname: "127.0.0.1", port, onListen: () => {}, onError: failure },
      (request) => site.answer(request),
    );
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) {
      throw new UserError(`Cannot watch on port ${port}: another program uses it, expected a free one or no --port`);
    }
    if (error instanceof Deno.errors.PermissionDenied) {
      throw new UserError(`Cannot watch on port ${port}: this user may not use it, expected one above 1023`);
    }
    throw error;
  }
  site.host = `127.0.0.1:${server.addr.port}`;
  return {
    address: `http://${site.host}/${site.token}/`,
    async [Symbol.asyncDispose]() {
      site.end();
      // A browser that sleeps takes nothing: a server that waits for it would never end.
      const late = Promise.withResolvers<void>();
      const timer = setTimeout(late.resolve, GRACE_MS);
      await Promise.race([server.shutdown(), late.promise]);
      clearTimeout(timer);
    },
  };
}

/** The answers to a browser's requests. */
class WatchSite {
  /** 128 random bits, without which nothing is answered. */
  readonly token: string = crypto.getRandomValues(new Uint8Array(16)).toHex();
  /** The address and port that requests must be meant for. */
  host = "";
  readonly #dir: string;
  readonly #runs: WatchedRuns;
  readonly #interval: number;
  readonly #deadline: number;
  readonly #followers = new Map<string, Follower>();
  readonly #ended = new AbortController();
  #followed = 0;
  #policy = "";

  constructor(dir: string, { interval, deadline }: Required<Pick<WatchOptions, "interval" | "deadline">>) {
    this.#dir = dir;
    this.#runs = new WatchedRuns(dir);
    this.#interval = interval;
    this.#deadline = deadline;
  }

  async prepare(): Promise<void> {
    this.#policy = [
      "default-src 'none'",
      `style-src ${await policyHash(PAGE_STYLE)}`,
      `script-src ${await policyHash(PAGE_SCRIPT)}`,
      "connect-src 'self'",
      "form-action 'self'",
      "base-uri 'none'",
      "frame-ancestors 'none'",
    ].join("; ");
  }

  /** Ends what is followed. */
  end(): void {
    this.#ended.abort();
  }

  /** Answers a request, also where the folder does not. */
  async answer(request: Request): Promise<Response> {
    try {
      return await this.#answer(request);
    } catch (error) {
      if (!(error instanceof SilentFolder)) throw error;
      return plain(503, "The folder has not answered for some seconds; try again later.");
    }
  }

  async #answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    // A page of elsewhere whose name was made to lead here sends its own name: it is told nothing.
    const isMeant = [this.host, this.host.replace("127.0.0.1", "localhost")].includes(
      request.headers.get("host") ?? "",
    );
    const [token, ...path] = url.pathname.slice(1).split("/");
    if (!isMeant || !isEqual(token ?? "", this.token)) return plain(404, "There is nothing here.");
    const wanted = wantedOf(path);
    if (wanted === null) return plain(404, "There is no such page.");
    const { name, what } = wanted;
    const dir = await inTime(this.#runs.find(name), this.#deadline);
    if (name !== null && dir === null) return plain(404, "There is no such run.");
    if (what === "stop") return request.method === "POST" ? await this.#stop(request, dir) : notAllowed("POST");
    if (request.method !== "GET" && request.method !== "HEAD") return notAllowed("GET");
    const follower = this.#follower(dir, url.searchParams);
    return what === "events" ? this.#events(follower) : await this.#page(follower, { name, dir });
  }

  /** The parts of a run's page, or of all runs' if `dir` is null. */
  #follower(dir: string | null, query: URLSearchParams): Follower {
    const chosen = query.has("run") || query.has("none") ? query.getAll("run") : null;
    const key = dir ?? `\n${chosen?.join("\n")}`;
    const make = () => dir === null ? this.#runs.overlay(chosen) : this.#withStop(dir);
    const follower = this.#followers.get(key) ?? new Follower(make, this.#interval, this.#deadline);
    this.#followers.delete(key);
    this.#followers.set(key, follower);
    for (const old of this.#followers.keys()) if (this.#followers.size > MAX_FOLLOWERS) this.#followers.delete(old);
    return follower;
  }

  /** The parts of a run's page, with what stops the run where it is at work. */
  async #withStop(dir: string): Promise<PageBlocks> {
    const { now = "", ...blocks } = await this.#runs.pageOf(dir);
    return { ...blocks, now: now === "" ? "" : now + STOP };
  }

  async #page(follower: Follower, { name, dir }: { name: string | null; dir: string | null }): Promise<Response> {
    const blocks = await follower.current();
    const { head = "", problem = "", ...rest } = blocks;
    const page = pageOf({ head, problem, ...withEmpty(rest, dir !== null) }, {
      title: `${folderName(dir ?? this.#dir)} · dnpo watch`,
      isLive: dir !== null,
      above: (name === null ? "" : `<p><a href="../../">All runs</a></p>`) +
        `<p id="link" class="small soft" role="status">This page follows the files where JavaScript is allowed.</p>`,
      below: `<script>${PAGE_SCRIPT}</script>`,
    });
    return new Response(page, { headers: this.#headers("text/html; charset=utf-8") });
  }

  /** Changed parts as server-sent events. */
  #events(follower: Follower): Response {
    if (this.#followed >= MAX_FOLLOWED) return plain(503, "Too many pages are open; close some.");
    this.#followed++;
    const gone = new AbortController();
    const signal = AbortSignal.any([this.#ended.signal, gone.signal]);
    let isCounted = true;
    const leave = (): void => {
      if (isCounted) this.#followed--;
      isCounted = false;
      gone.abort();
    };
    const seen = new Map<string, string>();
    const encoder = new TextEncoder();
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(encoder.encode("retry: 2000\n\n")),
      // It is pulled where the reader has room, so that a slow one gets fewer states and not more memory.
      pull: async (controller) => {
        const changed = await follower.changes(seen, { signal, milliseconds: HEARTBEAT_MS }).catch((error) => {
          // A stream that fails is not cancelled.
          leave();
          throw error;
        });
        if (signal.aborted) {
          leave();
          return controller.close();
        }
        const isSame = Object.keys(changed).length === 0;
        controller.enqueue(encoder.encode(isSame ? ": still here\n\n" : `data: ${JSON.stringify(changed)}\n\n`));
      },
      cancel: leave,
    }, { highWaterMark: 0 });
    return new Response(body, { headers: this.#headers("text/event-stream; charset=utf-8") });
  }

  /** Asks the run to stop as Ctrl-C does, if a page of this server was used to ask. */
  async #stop(request: Request, dir: string | null): Promise<Response> {
    await request.body?.cancel();
    const origin = request.headers.get("origin");
    const isOwn = origin === `http://${request.headers.get("host")}` &&
      ["same-origin", null].includes(request.headers.get("sec-fetch-site"));
    if (!isOwn || dir === null) return plain(403, "Only the run's own page may stop it.");
    if ((await inTime(this.#runs.read(dir), this.#deadline)).state === "running") {
      try {
        await inTime(Deno.writeTextFile(runPaths(dir).stop, ""), this.#deadline);
      } catch (error) {
        if (error instanceof SilentFolder) throw error;
        return plain(500, `Cannot ask the run to stop: ${error instanceof Error ? error.message : error}`);
      }
    }
    return new Response(null, { status: 303, headers: { location: "./", ...NO_CACHE } });
  }

  #headers(type: string): Record<string, string> {
    return {
      "content-type": type,
      "content-security-policy": this.#policy,
      "x-content-type-options": "nosniff",
      "referrer-policy": "same-origin",
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
      ...NO_CACHE,
    };
  }
}

const NO_CACHE = { "cache-control": "no-store" };

/** The run's page has it open only on a second thought. */
const STOP = `<details id="stop"><summary>Stop the run…</summary><form method="post" action="stop">` +
  `<p>It ends after the step at hand and keeps what is done, as with Ctrl-C; the same command goes on from there. ` +
  `This works where the run reads this folder, on this machine or another.</p>` +
  `<button>Stop the run</button></form></details>`;

/** The parts that a page of a run has later, where it has not been read yet. */
function withEmpty(blocks: PageBlocks, isRun: boolean): PageBlocks {
  const ids = isRun
    ? ["now", "answer", "samples", "figures", "numbers", "time", "settings", "log"]
    : ["answer", "figures"];
  return Object.fromEntries(ids.map((id) => [id, blocks[id] ?? ""]));
}

/** What a path below the token asks for: a page, its events or a stop; of a run, or of the folder if `name` is null. */
function wantedOf(path: readonly string[]): { name: string | null; what: "page" | "events" | "stop" } | null {
  const [first, second, last] = path[0] === "run" ? path : ["", "", ...path];
  const what = { "": "page", events: "events", stop: "stop" }[last ?? "-"] as "page" | "events" | "stop" | undefined;
  if (what === undefined || path.length !== (first === "run" ? 3 : 1)) return null;
  try {
    return { name: first === "run" ? decodeURIComponent(second!) : null, what };
  } catch {
    return null;
  }
}

/** Compares without telling by its time where two texts differ. */
function isEqual(a: string, b: string): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < b.length; i++) difference |= (a.charCodeAt(i) || 0) ^ b.charCodeAt(i);
  return difference === 0;
}

function failure(error: unknown): Response {
  return plain(500, error instanceof Error ? safeLine(error.message) : "It failed.");
}

function plain(status: number, text: string): Response {
  return new Response(`${text}\n`, {
    status,
    headers: { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff", ...NO_CACHE },
  });
}

function notAllowed(allow: string): Response {
  const response = plain(405, `Only ${allow} is answered here.`);
  response.headers.set("allow", allow);
  return response;
}
