/** Exits with 1 if WebGPU has no adapter; prints nothing if it has one. On Linux, only Vulkan counts. @module */

if (Deno.build.os === "linux") {
  // Without it, the Vulkan loader's window-system part prints lines of noise.
  if (!Deno.env.get("XDG_RUNTIME_DIR")) Deno.env.set("XDG_RUNTIME_DIR", "/tmp");
  // OpenGL would answer too, with fewer features.
  if (!Deno.env.get("DENO_WEBGPU_BACKEND")) Deno.env.set("DENO_WEBGPU_BACKEND", "vulkan");
}

if (await navigator.gpu.requestAdapter() === null) {
  console.error(Deno.build.os === "linux" ? "WebGPU finds no Vulkan driver" : "WebGPU finds no adapter");
  Deno.exit(1);
}
