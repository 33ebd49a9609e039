/**
 * A hub on 127.0.0.1 that speaks the Hugging Face hub's protocol: folders or texts as repositories, small files from the
 * hub itself, large ones by a signed redirect to a store on another port, and faults on demand. Also a program, to try
 * things by hand: `deno run -A tests/_shared/hub_server.ts model org/name=FOLDER dataset org/data=FOLDER`. The file is
 * long because the protocol's routes share one state. @module
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { acceptPush } from "./hub_push.ts";

/** Kinds of repository. */
export type RepoType = "model" | "dataset";

/** Content by path. */
export type Files = Record<string, string | Uint8Array>;

/** A repository as the server keeps it. */
export interface ServedRepo {
  type: RepoType;
  name: string;
  /** Whoever has no token that it knows is told to accept terms. */
  gated: boolean;
  private: boolean;
  /** Branches and tags: name to commit. */
  refs: Map<string, string>;
  /** Files by commit. */
  commits: Map<string, Map<string, Uint8Array>>;
}

/** A request as it came in. */
export interface SeenRequest {
  /** The hub, or the store that it sends to. */
  host: "hub" | "store";
  method: string;
  path: string;
  authorization: string | null;
  range: string | null;
  status: number;
}

/** Something that goes wrong with the next requests whose `METHOD /path` matches. */
export interface Fault {
  match: RegExp;
  /** For how many requests (default 1). */
  times?: number;
  /** Answer with this status, and these headers. */
  status?: number;
  headers?: Record<string, string>;
  /** Break the connection after so many bytes of the body. */
  cutAfter?: number;
  /** Say nothing more after so many bytes of the body. */
  stallAfter?: number;
  /** Flip a bit of the body's first byte. */
  corrupt?: boolean;
  /** Send the whole file to whoever asks for a part. */
  ignoreRange?: boolean;
  /** Answer with this and nothing else; it gets the request's address. */
  answer?: (url: string) => Response;
  /** Send so many bytes a second. */
  bytesPerSecond?: number;
}

const LARGE = /\.(safetensors|parquet|bin|gz|model|msgpack|arrow)$/;
/** A tree's page, so that a listing takes several. */
const PAGE = 3;

const known = new WeakMap<Uint8Array, string>();

/** SHA-256, as large files are named; of the same array it is computed once. */
export function sha256(bytes: Uint8Array): string {
  const hash = known.get(bytes) ?? createHash("sha256").update(bytes).digest("hex");
  known.set(bytes, hash);
  return hash;
}

/** Git's hash of a blob, as small files are named. */
export function gitHash(bytes: Uint8Array): string {
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}

/** Whether a file is kept in the store. */
export function isLarge(path: string): boolean {
  return LARGE.test(path);
}

/** A running hub. */
export class HubServer implements AsyncDisposable {
  readonly repos = new Map<string, ServedRepo>();
  readonly requests: SeenRequest[] = [];
  readonly faults: Fault[] = [];
  /** Tokens that are known; a request with another is refused. */
  readonly tokens = new Set<string>();
  /** What the store holds, by SHA-256. */
  readonly store = new Map<string, Uint8Array>();
  /** Summaries of the commits that were pushed. */
  readonly messages: string[] = [];
  /** Uploads larger than this are asked for in parts. */
  partSize = Infinity;
  readonly #hub: Deno.HttpServer<Deno.NetAddr>;
  readonly #store: Deno.HttpServer<Deno.NetAddr>;
  #commits = 0;

  constructor({ port = 0 }: { port?: number } = {}) {
    const serve = (host: SeenRequest["host"], port: number): Deno.HttpServer<Deno.NetAddr> =>
      Deno.serve(
        { hostname: "127.0.0.1", port, onListen() {}, onError: () => new Response(null, { status: 500 }) },
        (r) => this.#answer(host, r),
      );
    this.#hub = serve("hub", port);
    this.#store = serve("store", 0);
  }

  /** What `HF_ENDPOINT` is to be. */
  get url(): string {
    return `http://127.0.0.1:${this.#hub.addr.port}`;
  }

  /** Where large files are: another host by its name, as clients compare these. */
  get storeUrl(): string {
    return `http://localhost:${this.#store.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#hub, this.#store].map((server) => server.shutdown()));
  }

  /** Adds an empty repository. */
  create(type: RepoType, name: string, { gated = false, isPrivate = false } = {}): ServedRepo {
    const repo = { type, name, gated, private: isPrivate, refs: new Map(), commits: new Map() };
    this.repos.set(`${type}s/${name}`, repo);
    return repo;
  }

  /** Adds a repository with these files as the first commit of `main`. */
  add(type: RepoType, name: string, files: Files, options: { gated?: boolean; isPrivate?: boolean } = {}): ServedRepo {
    const repo = this.create(type, name, options);
    this.commit(repo, files);
    return repo;
  }

  /** Adds a repository of a folder's files. */
  async addFolder(type: RepoType, name: string, folder: string, options = {}): Promise<ServedRepo> {
    const files: Files = {};
    const walk = async (below: string): Promise<void> => {
      for await (const entry of Deno.readDir(join(folder, below))) {
        const path = below === "" ? entry.name : `${below}/${entry.name}`;
        if (entry.isDirectory) await walk(path);
        else files[path] = await Deno.readFile(join(folder, path));
      }
    };
    await walk("");
    return this.add(type, name, files, options);
  }

  /** Puts files over those of a branch, which moves to the new commit; returns that. */
  commit(repo: ServedRepo, files: Files, branch = "main"): string {
    const before = repo.commits.get(repo.refs.get(branch) ?? "") ?? new Map<string, Uint8Array>();
    const after = new Map(before);
    for (const [path, content] of Object.entries(files)) {
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      after.set(path, bytes);
      if (isLarge(path)) this.store.set(sha256(bytes), bytes);
    }
    const id = createHash("sha1").update(`${repo.name} ${branch} ${this.#commits++}`).digest("hex");
    repo.commits.set(id, after);
    repo.refs.set(branch, id);
    return id;
  }

  /** Requests whose `METHOD /path` matches. */
  seen(match: RegExp): SeenRequest[] {
    return this.requests.filter(({ method, path }) => match.test(`${method} ${path}`));
  }

  async #answer(host: SeenRequest["host"], request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const path = decodeURIComponent(pathname);
    const fault = this.#takeFault(`${request.method} ${path}`);
    const { headers, method } = request;
    let response: Response;
    if (fault?.answer !== undefined) response = fault.answer(request.url);
    else if (fault?.status !== undefined) {
      await request.body?.cancel();
      response = new Response(null, { status: fault.status, headers: fault.headers ?? {} });
    } else {
      response = host === "hub" ? await this.#hubAnswer(path, request) : await this.#storeAnswer(path, request, fault);
    }
    this.requests.push({
      host,
      method,
      path,
      authorization: headers.get("authorization"),
      range: headers.get("range"),
      status: response.status,
    });
    return fault === undefined || fault.answer !== undefined ? response : spoil(response, fault);
  }

  #takeFault(line: string): Fault | undefined {
    const index = this.faults.findIndex(({ match }) => match.test(line));
    const fault = this.faults[index];
    if (fault === undefined) return undefined;
    fault.times = (fault.times ?? 1) - 1;
    if (fault.times <= 0) this.faults.splice(index, 1);
    return fault;
  }

  async #hubAnswer(path: string, request: Request): Promise<Response> {
    const token = request.headers.get("authorization")?.replace(/^Bearer /, "");
    if (token !== undefined && !this.tokens.has(token)) {
      return problem(401, "", "Invalid credentials in Authorization header");
    }
    const isKnown = token !== undefined;
    if (request.method === "POST") return await acceptPush(this, path, { request, isKnown });
    const api = /^\/api\/(models|datasets)\/([^/]+\/[^/]+)\/(revision|tree)\/(.+)$/.exec(path);
    const file = /^\/(datasets\/)?([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(path);
    if (!api && !file) return problem(404, "", "no such page");
    const repo = this.repos.get(api ? `${api[1]}/${api[2]}` : `${file![1] ?? "models/"}${file![2]}`);
    if (!repo || (repo.private && !isKnown)) {
      return problem(isKnown ? 404 : 401, "RepoNotFound", "Repository not found");
    }
    const isGated = repo.gated && !isKnown && (file || api![3] === "tree");
    if (isGated) return problem(401, "GatedRepo", `Access to ${repo.type} ${repo.name} is restricted`);
    const revision = api ? api[4]!.replace(/^([0-9a-f]{40})\/.*$/, "$1") : file![3]!;
    const commit = repo.refs.get(revision) ?? revision;
    const files = repo.commits.get(commit);
    if (!files) return problem(404, "RevisionNotFound", `Invalid rev id: ${revision}`);
    if (api?.[3] === "revision") return json(this.#info(repo, commit));
    if (api) return this.#tree(files, request.url);
    return this.#resolve({ files, commit, path: file![4]! }, request);
  }

  #info({ name, private: isPrivate, gated, commits }: ServedRepo, commit: string): Record<string, unknown> {
    const readme = new TextDecoder().decode(commits.get(commit)!.get("README.md") ?? new Uint8Array());
    const license = /^license: (.+)$/m.exec(readme)?.[1];
    return {
      _id: "0",
      id: name,
      sha: commit,
      private: isPrivate,
      gated: gated ? "manual" : false,
      downloads: 0,
      likes: 0,
      lastModified: "2026-01-01T00:00:00.000Z",
      ...(license !== undefined && { cardData: { license } }),
    };
  }

  #tree(files: ReadonlyMap<string, Uint8Array>, address: string): Response {
    const url = new URL(address);
    const folders = new Set(
      [...files.keys()].flatMap((path) =>
        path.split("/").slice(0, -1).map((_, i, all) => all.slice(0, i + 1).join("/"))
      ),
    );
    const entries = [
      ...[...folders].map((path) => ({ type: "directory", oid: "0".repeat(40), size: 0, path })),
      ...[...files].map(([path, bytes]) => ({
        type: "file",
        oid: gitHash(isLarge(path) ? pointer(bytes) : bytes),
        size: bytes.length,
        path,
        ...(isLarge(path) && { lfs: { oid: sha256(bytes), size: bytes.length, pointerSize: pointer(bytes).length } }),
      })),
    ];
    const from = Number(url.searchParams.get("cursor") ?? 0);
    url.searchParams.set("cursor", String(from + PAGE));
    const more = from + PAGE < entries.length ? { link: `<${url.href}>; rel="next"` } : {};
    return json(entries.slice(from, from + PAGE), { headers: more as Record<string, string> });
  }

  #resolve(
    { files, commit, path }: { files: ReadonlyMap<string, Uint8Array>; commit: string; path: string },
    request: Request,
  ): Response {
    const bytes = files.get(path);
    if (!bytes) return problem(404, "EntryNotFound", "Entry not found");
    const headers = { "x-repo-commit": commit, "accept-ranges": "bytes" };
    if (!isLarge(path)) return ranged(bytes, request, { ...headers, etag: `"${gitHash(bytes)}"` });
    const hash = sha256(bytes);
    return new Response(null, {
      status: 302,
      headers: {
        ...headers,
        etag: `"${gitHash(pointer(bytes))}"`,
        "x-linked-etag": `"${hash}"`,
        "x-linked-size": String(bytes.length),
        location: `${this.storeUrl}/${hash}?signature=secret`,
      },
    });
  }

  async #storeAnswer(path: string, request: Request, fault: Fault | undefined): Promise<Response> {
    // As S3 does with a signed address that comes with another proof.
    if (request.headers.has("authorization")) return new Response("two authorizations", { status: 400 });
    if (request.method === "PUT") return await this.#upload(path, request);
    const bytes = this.store.get(path.slice(1));
    if (!bytes) return new Response(null, { status: 404 });
    return ranged(bytes, request, { etag: '"anything"' }, fault?.ignoreRange);
  }

  /** `/SHA`, or `/SHA/PART` of an upload in parts. */
  async #upload(path: string, request: Request): Promise<Response> {
    if (!request.headers.has("content-length")) return new Response("length required", { status: 411 });
    const bytes = new Uint8Array(await request.arrayBuffer());
    const [, hash, part] = path.split("/");
    if (part === undefined && sha256(bytes) !== hash) return new Response("wrong hash", { status: 400 });
    this.store.set(part === undefined ? hash! : `${hash}/${part}`, bytes);
    return new Response(null, { headers: { etag: `"${part ?? hash}"` } });
  }
}

/** A large file as git has it. */
function pointer(bytes: Uint8Array): Uint8Array {
  const text = `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256(bytes)}\nsize ${bytes.length}\n`;
  return new TextEncoder().encode(text);
}

/** An answer of JSON. */
export function json(value: unknown, init: ResponseInit = {}): Response {
  return Response.json(value, init);
}

/** An answer that something is wrong, in the hub's words. */
export function problem(status: number, code: string, message: string): Response {
  const headers = { "x-error-message": message, ...(code !== "" && { "x-error-code": code }) };
  return Response.json({ error: message }, { status, headers });
}

function ranged(bytes: Uint8Array, request: Request, headers: Record<string, string>, ignoreRange = false): Response {
  const [, from] = ignoreRange ? [] : /^bytes=(\d+)-$/.exec(request.headers.get("range") ?? "") ?? [];
  const start = Number(from ?? 0);
  if (from !== undefined && start >= bytes.length) {
    return new Response(null, { status: 416, headers: { "content-range": `bytes */${bytes.length}` } });
  }
  const range = from === undefined ? {} : { "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}` };
  const length = { "content-length": String(bytes.length - start) };
  const body = request.method === "HEAD" ? null : bytes.slice(start);
  return new Response(body, { status: from === undefined ? 200 : 206, headers: { ...headers, ...range, ...length } });
}

/** The answer with the fault in its body. */
async function spoil(response: Response, fault: Fault): Promise<Response> {
  if (response.body === null) return response;
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (fault.corrupt) bytes[0]! ^= 1;
  const { status, headers } = response;
  const { cutAfter, stallAfter, bytesPerSecond } = fault;
  if (bytesPerSecond !== undefined) return new Response(slowly(bytes, bytesPerSecond), { status, headers });
  const end = cutAfter ?? stallAfter;
  if (end === undefined) return new Response(bytes, { status, headers });
  let isSent = false;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (!isSent) controller.enqueue(bytes.slice(0, end));
      else if (cutAfter !== undefined) {
        // What was sent arrives before the break.
        await new Promise((done) => setTimeout(done, 50));
        controller.error(new Error("cut"));
      } else await new Promise(() => {});
      isSent = true;
    },
  }, { highWaterMark: 0 });
  return new Response(body, { status, headers });
}

function slowly(bytes: Uint8Array, bytesPerSecond: number): ReadableStream<Uint8Array> {
  const step = Math.max(1, Math.floor(bytesPerSecond / 20));
  let from = 0;
  return new ReadableStream({
    async pull(controller) {
      await new Promise((done) => setTimeout(done, 50));
      controller.enqueue(bytes.slice(from, from += step));
      if (from >= bytes.length) controller.close();
    },
  });
}

if (import.meta.main) {
  const server = new HubServer({ port: Number(Deno.env.get("PORT") ?? 8787) });
  const speed = Deno.env.get("BYTES_PER_SECOND");
  if (speed) server.faults.push({ match: /^GET \/[0-9a-f]{64}$/, times: Infinity, bytesPerSecond: Number(speed) });
  server.tokens.add("hf_local");
  for (let i = 0; i < Deno.args.length; i += 2) {
    const [name, folder] = Deno.args[i + 1]!.split("=");
    await server.addFolder(Deno.args[i] as RepoType, name!, folder!);
  }
  console.log(`export HF_ENDPOINT=${server.url}  # token: hf_local`);
}
