import assert from "node:assert/strict";
import { denoArgs, withFolder, writeConfig } from "../_shared/dnpo.ts";
import { jsonLines, tinyPairs, writeTinyModel } from "../_shared/tiny_model.ts";

interface Span {
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId: string;
  attributes: { key: string; value: Record<string, unknown> }[];
  status: { code?: number };
}

interface Received {
  spans: Span[];
  metrics: Map<string, number[]>;
}

// deno-lint-ignore no-explicit-any
type Json = any;

/** Runs `use` with a collector of OpenTelemetry's protocol over HTTP, and returns what it was sent. */
async function collect(use: (env: Record<string, string>) => Promise<void>): Promise<Received> {
  const received: Received = { spans: [], metrics: new Map() };
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
    const body: Json = await request.json();
    const { pathname } = new URL(request.url);
    if (pathname === "/v1/traces") {
      for (const { scopeSpans } of body.resourceSpans) {
        for (const { spans, scope } of scopeSpans) if (scope.name === "dnpo") received.spans.push(...spans);
      }
    } else if (pathname === "/v1/metrics") {
      for (const { scopeMetrics } of body.resourceMetrics) {
        for (const { metrics, scope } of scopeMetrics) {
          if (scope.name !== "dnpo") continue;
          for (const { name, gauge } of metrics) {
            received.metrics.set(name, gauge.dataPoints.map((point: Json) => Number(point.asDouble ?? point.asInt)));
          }
        }
      }
    }
    return Response.json({});
  });
  try {
    await use({
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${server.addr.port}`,
    });
  } finally {
    await server.shutdown();
  }
  return received;
}

async function run(args: readonly string[], env: Record<string, string>): Promise<number> {
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: denoArgs(args),
    env: { NO_COLOR: "1", RUST_BACKTRACE: "0", ...env },
    stdin: "null",
  }).output();
  return code;
}

Deno.test("a run sends a span per stage and its numbers where OTEL_DENO asks for it", () =>
  withFolder(async (dir) => {
    await writeTinyModel(`${dir}/model`);
    await Deno.writeTextFile(`${dir}/pairs.jsonl`, jsonLines(tinyPairs(6)));
    const config = await writeConfig({
      output_dir: `${dir}/run`,
      model: `${dir}/model`,
      method: "dpo",
      data: { train: `${dir}/pairs.jsonl` },
      training: { max_steps: 2, logging_steps: 1 },
    });
    const { spans, metrics } = await collect(async (env) => {
      assert.equal(await run(["train", config, "-q"], env), 0);
    });
    const [whole] = spans.filter(({ name }) => name === "train");
    const [stage] = spans.filter(({ name }) => name === "optimize");
    assert(whole && stage, spans.map(({ name }) => name).join());
    assert.equal(stage.parentSpanId, whole.spanId);
    assert.equal(stage.traceId, whole.traceId);
    assert.deepEqual(stage.attributes.map(({ key }) => key), ["iteration"]);
    // Nothing else is asked for.
    await assert.rejects(Deno.stat(`${dir}/run/tensorboard`), Deno.errors.NotFound);
    const [line] = (await Deno.readTextFile(`${dir}/run/metrics.jsonl`)).trim().split("\n").slice(-1);
    assert.equal(metrics.get("dnpo.loss")?.at(-1), JSON.parse(line!).loss);
    assert(metrics.get("dnpo.tokens_per_second")![0]! > 0);

    const failed = await collect(async (env) => {
      assert.equal(
        await run(["train", config, "-q", "--set", "training.learning_rate=1e30", "--set", `output_dir=${dir}/b`], env),
        1,
      );
    });
    assert.equal(failed.spans.find(({ name }) => name === "train")?.status.code, 2);
  }));
