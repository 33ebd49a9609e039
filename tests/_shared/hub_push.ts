/** The part of the hub that takes models: repositories made, files announced, large ones stored, a commit. @module */
import type { HubServer, ServedRepo } from "./hub_server.ts";
import { isLarge, json, problem, sha256 } from "./hub_server.ts";

/** Answers a POST. */
export async function acceptPush(
  server: HubServer,
  path: string,
  { request, isKnown }: { request: Request; isKnown: boolean },
): Promise<Response> {
  if (!isKnown) return problem(401, "", "Invalid username or password.");
  if (path === "/api/repos/create") return createRepo(server, await request.json());
  const lfs = /^\/([^/]+\/[^/]+)\.git\/info\/lfs\/objects\/batch$/.exec(path);
  const complete = /^\/complete\/([0-9a-f]{64})$/.exec(path);
  if (complete) return completeParts(server, complete[1]!, await request.json());
  const api = /^\/api\/models\/([^/]+\/[^/]+)\/(preupload|commit|branch)\/(.+)$/.exec(path);
  const repo = server.repos.get(`models/${lfs?.[1] ?? api?.[1]}`);
  if (!repo) return problem(404, "RepoNotFound", "Repository not found");
  if (lfs) return lfsBatch(server, await request.json());
  const branch = api![3]!;
  if (api![2] === "branch") return createBranch(repo, branch);
  if (branch !== "main" && !repo.refs.has(branch)) return problem(404, "RevisionNotFound", `Invalid rev id: ${branch}`);
  if (api![2] === "preupload") return preupload(await request.json());
  return commit(server, { repo, branch, lines: (await request.text()).split("\n").map((line) => JSON.parse(line)) });
}

function createRepo(
  server: HubServer,
  { name, organization, visibility }: { name: string; organization: string; visibility?: string },
): Response {
  const id = `${organization}/${name}`;
  if (organization === "elsewhere") return problem(403, "", "You don't have the rights to create a model there");
  if (server.repos.has(`models/${id}`)) return problem(409, "", "You already created this model repo");
  server.create("model", id, { isPrivate: visibility === "private" });
  return json({ url: `${server.url}/${id}`, id });
}

function createBranch(repo: ServedRepo, branch: string): Response {
  if (repo.refs.has(branch)) return problem(409, "", "Reference already exists");
  const main = repo.refs.get("main");
  if (main !== undefined) repo.refs.set(branch, main);
  return json({});
}

function preupload({ files }: { files: { path: string; size: number; sample: string }[] }): Response {
  return json({
    files: files.map(({ path }) => ({ path, uploadMode: isLarge(path) ? "lfs" : "regular", shouldIgnore: false })),
  });
}

function lfsBatch(
  server: HubServer,
  { objects, transfers }: { objects: { oid: string; size: number }[]; transfers: string[] },
): Response {
  const answers = objects.map(({ oid, size }) => {
    if (server.store.has(oid)) return { oid, size };
    const verify = { href: `${server.url}/verify` };
    if (size <= server.partSize) {
      return { oid, size, actions: { upload: { href: `${server.storeUrl}/${oid}?signature=secret` }, verify } };
    }
    const parts = Array.from({ length: Math.ceil(size / server.partSize) }, (_, i) => [
      String(i + 1).padStart(5, "0"),
      `${server.storeUrl}/${oid}/${i + 1}?signature=secret`,
    ]);
    const header = { chunk_size: String(server.partSize), ...Object.fromEntries(parts) };
    return { oid, size, actions: { upload: { href: `${server.url}/complete/${oid}`, header }, verify } };
  });
  // As the hub does where it is offered; the rest of that protocol is not spoken here.
  if (transfers.includes("xet")) return json({ transfer: "xet", objects: answers });
  const transfer = transfers.includes("multipart") && server.partSize < Infinity ? "multipart" : "basic";
  return json({ transfer, objects: answers });
}

function completeParts(
  server: HubServer,
  hash: string,
  { parts }: { parts: { partNumber: number; etag: string }[] },
): Response {
  const found = parts.map(({ partNumber, etag }) =>
    etag === `"${partNumber}"` ? server.store.get(`${hash}/${partNumber}`) : undefined
  );
  if (found.includes(undefined)) return problem(400, "", "a part is missing");
  const whole = new Uint8Array(found.reduce((sum, part) => sum + part!.length, 0));
  let at = 0;
  for (const part of found) {
    whole.set(part!, at);
    at += part!.length;
  }
  if (sha256(whole) !== hash) return problem(400, "", "wrong hash");
  server.store.set(hash, whole);
  return json({});
}

type CommitLine =
  | { key: "header"; value: { summary: string } }
  | { key: "file"; value: { path: string; content: string; encoding: "base64" } }
  | { key: "lfsFile"; value: { path: string; oid: string; size: number } };

function commit(
  server: HubServer,
  { repo, branch, lines }: { repo: ServedRepo; branch: string; lines: CommitLine[] },
): Response {
  const files: Record<string, Uint8Array> = {};
  for (const { key, value } of lines) {
    if (key === "file") files[value.path] = Uint8Array.from(atob(value.content), (c) => c.charCodeAt(0));
    if (key !== "lfsFile") continue;
    const bytes = server.store.get(value.oid);
    if (bytes?.length !== value.size) return problem(400, "", `no such object: ${value.oid}`);
    files[value.path] = bytes;
  }
  const id = server.commit(repo, files, branch);
  server.messages.push(lines.flatMap(({ key, value }) => key === "header" ? [value.summary] : []).join());
  return json({ success: true, commitOid: id, commitUrl: `${server.url}/${repo.name}/commit/${id}` });
}
