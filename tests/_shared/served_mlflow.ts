/** A real HTTP server on 127.0.0.1 that follows the part of MLflow's REST contract that logs runs. @module */

/** A run as the server keeps it. */
export interface ServedRun {
  info: { run_id: string; run_name: string; experiment_id: string; status: string; lifecycle_stage: string };
  tags: Record<string, string>;
  params: Record<string, string>;
  metrics: { key: string; value: number; timestamp: number; step: number }[];
}

/** What the server does. */
export interface MlflowServerOptions {
  /** The `Authorization` that it wants. */
  authorization?: string;
  /** The most values of a metric that it gives at a time. */
  page?: number;
  /** Asked first of each request: an answer other than the usual one, or none at all. */
  trouble?: (path: string, n: number) => Response | "hang" | undefined;
}

/** A running server. */
export interface ServedMlflow extends AsyncDisposable {
  url: string;
  /** By name, the experiments' ids. */
  experiments: Map<string, string>;
  runs: ServedRun[];
  /** The paths that were asked, in order. */
  asked: string[];
}

/** An error as MLflow gives it. */
function refuse(status: number, error_code: string, message: string): Response {
  return Response.json({ error_code, message }, { status });
}

/** Starts a server on a free port. Numbers of 64 bits are texts in its answers, as JSON of protocol buffers has them. */
export function startMlflowServer(
  { authorization, page = Infinity, trouble }: MlflowServerOptions = {},
): ServedMlflow {
  const experiments = new Map<string, string>();
  const runs: ServedRun[] = [];
  const asked: string[] = [];
  const ended = new AbortController();
  const find = (id: unknown): ServedRun | undefined => runs.find(({ info }) => info.run_id === id);
  const routes: Record<string, (input: Record<string, unknown>) => Response> = {
    "GET experiments/get-by-name": ({ experiment_name: name }) => {
      const id = experiments.get(String(name));
      if (id === undefined) return refuse(404, "RESOURCE_DOES_NOT_EXIST", `Could not find experiment '${name}'`);
      return Response.json({ experiment: { experiment_id: id, name, lifecycle_stage: "active" } });
    },
    "POST experiments/create": ({ name }) => {
      if (experiments.has(String(name))) return refuse(400, "RESOURCE_ALREADY_EXISTS", "Experiment exists");
      experiments.set(String(name), String(experiments.size + 1));
      return Response.json({ experiment_id: String(experiments.size) });
    },
    "POST runs/create": ({ experiment_id, run_name, tags }) => {
      const run: ServedRun = {
        info: {
          run_id: `run${runs.length}`,
          run_name: String(run_name),
          experiment_id: String(experiment_id),
          status: "RUNNING",
          lifecycle_stage: "active",
        },
        tags: Object.fromEntries((tags as { key: string; value: string }[]).map(({ key, value }) => [key, value])),
        params: {},
        metrics: [],
      };
      runs.push(run);
      return Response.json({ run: { info: run.info } });
    },
    "GET runs/get": ({ run_id }) => {
      const run = find(run_id);
      return run ? Response.json({ run: { info: run.info } }) : refuse(404, "RESOURCE_DOES_NOT_EXIST", "No such run");
    },
    "POST runs/update": ({ run_id, status }) => {
      find(run_id)!.info.status = String(status);
      return Response.json({ run_info: find(run_id)!.info });
    },
    "POST runs/log-batch": ({ run_id, metrics = [], params = [] }) => {
      const own = metrics as ServedRun["metrics"];
      if (own.length > 1000 || (params as unknown[]).length > 100) {
        return refuse(400, "INVALID_PARAMETER_VALUE", "A batch is too large");
      }
      const run = find(run_id)!;
      run.metrics.push(...own);
      for (const { key, value } of params as { key: string; value: string }[]) run.params[key] = value;
      return Response.json({});
    },
    "GET metrics/get-history": ({ run_id, metric_key, max_results = 0, page_token = 0 }) => {
      const all = find(run_id)!.metrics.filter(({ key }) => key === metric_key);
      const end = Number(page_token) + Math.min(page, Number(max_results));
      return Response.json({
        metrics: all.slice(Number(page_token), end).map(({ step, timestamp, ...rest }) => ({
          ...rest,
          timestamp: String(timestamp),
          ...(step !== 0 && { step: String(step) }),
        })),
        ...(end < all.length && { next_page_token: String(end) }),
      });
    },
  };
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
    const url = new URL(request.url);
    const path = url.pathname.replace(/^\/api\/2\.0\/mlflow\//, "");
    const answer = trouble?.(path, asked.push(path) - 1);
    if (answer === "hang") {
      await new Promise<void>((resolve) => ended.signal.addEventListener("abort", () => resolve()));
      return new Response();
    }
    if (answer !== undefined) return answer;
    if (authorization !== undefined && request.headers.get("authorization") !== authorization) {
      return new Response("Unauthorized", { status: 401 });
    }
    const route = routes[`${request.method} ${path}`];
    if (!route) return new Response("no such page", { status: 404 });
    return route(request.method === "GET" ? Object.fromEntries(url.searchParams) : await request.json());
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    experiments,
    runs,
    asked,
    [Symbol.asyncDispose]: async () => {
      ended.abort();
      await server.shutdown();
    },
  };
}
