/** The environment of every process that runs tests. @module */

/** Environment variables to add to those of this process. */
export const TEST_PROCESS_ENV: Record<string, string> = {
  // If the machine asks for backtraces, they would follow the one-line errors that tests read.
  RUST_BACKTRACE: "0",
  // With OpenGL beside Vulkan, libEGL frees what it keeps for a thread both where the thread ends and where the process
  // does. Deno ends the threads of its tests at that very time, and one run in five was aborted after its last test.
  ...(Deno.build.os === "linux" && { DENO_WEBGPU_BACKEND: "vulkan" }),
};
