import { deepEqual, equal, ok } from "node:assert/strict";
import { readHubSettings } from "../../../core/hub/hub_settings.ts";
import { withFolder } from "../../_shared/dnpo.ts";
import { refuses } from "./_hub.ts";

function settings(env: Record<string, string>): ReturnType<typeof readHubSettings> {
  return readHubSettings((name) => env[name]);
}

Deno.test("the cache lies where Python's client has it", async () => {
  const cache = async (env: Record<string, string>) => (await settings(env)).cache;
  equal(await cache({ HOME: "/home/me" }), "/home/me/.cache/huggingface/hub");
  equal(await cache({ USERPROFILE: "/users/me" }), "/users/me/.cache/huggingface/hub");
  equal(await cache({ HOME: "/home/me", XDG_CACHE_HOME: "/xdg" }), "/xdg/huggingface/hub");
  equal(await cache({ HOME: "/home/me", HF_HOME: "~/hf" }), "/home/me/hf/hub");
  equal(await cache({ HF_HOME: "/hf", HUGGINGFACE_HUB_CACHE: "/old" }), "/old");
  equal(await cache({ HF_HOME: "/hf", HUGGINGFACE_HUB_CACHE: "/old", HF_HUB_CACHE: "/cache" }), "/cache");
  await refuses(settings({}), /^Cannot find the hub's cache: neither HF_HOME nor HOME is set/);
});

Deno.test("the token is HF_TOKEN's, else the token file's, and is never printed", () =>
  withFolder(async (dir) => {
    const token = async (env: Record<string, string>) => (await settings({ HF_HOME: dir, ...env })).token();
    equal(await token({}), null);
    await Deno.writeTextFile(`${dir}/token`, "hf_file\n");
    equal(await token({}), "hf_file");
    equal(await token({ HF_TOKEN: " hf_env\n" }), "hf_env");
    equal(await token({ HF_TOKEN: "" }), "hf_file");
    await Deno.writeTextFile(`${dir}/other`, "hf_other");
    equal(await token({ HF_TOKEN_PATH: `${dir}/other` }), "hf_other");
    const printed = await settings({ HF_HOME: dir, HF_TOKEN: "hf_secret" });
    ok(!(JSON.stringify(printed) + Deno.inspect(printed)).includes("secret"));
    await refuses(settings({ HF_HOME: dir, HF_TOKEN: "hf secret" }), /^Cannot use the hub's token: (?!.*secret)/);
  }));

Deno.test("HF_ENDPOINT is a URL without a slash at its end; HF_HUB_OFFLINE is yes in Python's ways", async () => {
  const read = (env: Record<string, string>) => settings({ HOME: "/h", ...env });
  equal((await read({})).endpoint, "https://huggingface.co");
  equal((await read({ HF_ENDPOINT: "https://mirror.example/hub//" })).endpoint, "https://mirror.example/hub");
  await refuses(read({ HF_ENDPOINT: "mirror.example" }), /^Cannot use HF_ENDPOINT: it is "mirror\.example"/);
  await refuses(read({ HF_ENDPOINT: "https://me:pw@mirror.example" }), /^Cannot use HF_ENDPOINT: (?!.*pw@)/);
  const offline = await Promise.all(
    ["1", "true", "ON", "0", ""].map(async (HF_HUB_OFFLINE) => (await read({ HF_HUB_OFFLINE })).offline),
  );
  deepEqual(offline, [true, true, true, false, false]);
});
