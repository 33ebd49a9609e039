import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { MlflowClient, type MlflowError } from "../../../core/server/mlflow_client.ts";
import { startMlflowServer } from "../../_shared/served_mlflow.ts";

/** The message of what a call throws. */
async function refusal(call: Promise<unknown>): Promise<string> {
  let message = "";
  await rejects(call, (error: MlflowError) => {
    message = error.message;
    return error.name === "MlflowError" && !message.includes("\n");
  });
  return message;
}

Deno.test("MlflowClient finds or makes an experiment, and logs a run", async () => {
  await using server = startMlflowServer();
  const client = new MlflowClient(`${server.url}/`);
  const experiment = await client.experiment("a b/ü");
  equal(await client.experiment("a b/ü"), experiment);
  deepEqual([...server.experiments], [["a b/ü", experiment]]);
  equal(await client.hasRun("none"), false);
  const run = await client.createRun({ experiment, name: "one", start: 5, tags: [{ key: "t", value: "v" }] });
  equal(await client.hasRun(run), true);
  await client.logBatch(run, { params: [{ key: "p", value: "1" }] });
  await client.logBatch(run, { metrics: [{ key: "m", value: 0.5, timestamp: 7, step: 0 }] });
  deepEqual(await client.history(run, "m"), [{ step: 0, value: 0.5 }]);
  await client.updateRun(run, { status: "FINISHED", end: 9 });
  const [{ info, tags, params }] = server.runs as [typeof server.runs[number]];
  deepEqual([info.status, info.run_name, tags, params], ["FINISHED", "one", { t: "v" }, { p: "1" }]);
});

Deno.test("MlflowClient sends a login, and no message has it", async () => {
  const basic = `Basic ${btoa("me:s3cret")}`;
  await using server = startMlflowServer({ authorization: basic });
  await new MlflowClient(server.url, { username: "me", password: "s3cret", token: "t0ken" }).experiment("x");
  match(await refusal(new MlflowClient(server.url, { token: "t0ken" }).experiment("x")), /answers 401: Unauthorized$/);
  // A server may say what it was sent.
  await using echo = startMlflowServer({
    trouble: () => new Response(`${basic} me:s3cret\n\x1b[31m`, { status: 500 }),
  });
  const message = await refusal(new MlflowClient(echo.url, { username: "me", password: "s3cret" }).experiment("x"));
  equal(message, `${echo.url}/api/2.0/mlflow/experiments/get-by-name answers 500: Basic (key) me:(key)  [31m`);
});

Deno.test("MlflowClient follows no redirection, and waits for no server that is silent or away", async () => {
  await using elsewhere = startMlflowServer();
  await using server = startMlflowServer({
    trouble: (_, n) => n === 0 ? Response.redirect(`${elsewhere.url}/x`) : n === 1 ? new Response("<p>hello") : "hang",
  });
  const client = new MlflowClient(server.url, { token: "t0ken", milliseconds: 200 });
  match(await refusal(client.experiment("x")), /experiments\/get-by-name answers 302$/);
  equal(elsewhere.asked.length, 0);
  match(await refusal(client.experiment("x")), /gives no usable answer: Cannot read its answer: it is not JSON/);
  match(await refusal(client.experiment("x")), /experiments\/get-by-name gives no answer within 0.2 s$/);
  const waiting = refusal(new MlflowClient(server.url).experiment("x"));
  client.close();
  match(await refusal(client.experiment("x")), /gives no usable answer/);
  await server[Symbol.asyncDispose]();
  match(await waiting, /gives no usable answer/);
  const away = await refusal(new MlflowClient(server.url).experiment("x"));
  match(away, /gives no usable answer: .*onnect/);
  equal(away.split(server.url).length, 2, `it names the address once: ${away}`);
});
