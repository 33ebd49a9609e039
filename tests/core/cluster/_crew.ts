/** Work of a first rank with logical ranks beside it, which serve as those of a job do, on devices of their own. @module */
import { Crew } from "../../../core/cluster/crew.ts";
import { openLocal } from "../../../core/cluster/local.ts";
import { loadConfig } from "../../../core/config/load_config.ts";
import { serveRank } from "../../../core/loop/serve_rank.ts";
import { meetCrew } from "../../../core/run/meet_crew.ts";
import { device } from "../../_shared/device.ts";

/** A crew, and the kinds of the tasks that it was given. */
export interface WatchedCrew {
  crew: Crew;
  tasks: string[];
}

/**
 * Runs `work` as the first of `ranks` ranks. Tasks carry `taskIds` token ids at most. Unless `work` opens a device by
 * itself, the others are met with the shared one.
 */
export async function withCrew<T>(
  { ranks, taskIds, isMet = false }: { ranks: number; taskIds?: number; isMet?: boolean },
  work: (watched: WatchedCrew) => Promise<T>,
): Promise<T> {
  const [transport, ...others] = await openLocal(ranks, { timeout: 60 });
  const config = await loadConfig(undefined, { set: ["autotune=false"] });
  const lead = async (): Promise<T> => {
    const crew = new Crew(transport!, taskIds === undefined ? {} : { taskIds });
    const tasks: string[] = [];
    const streaming = crew.streaming.bind(crew);
    crew.streaming = (task, own) => {
      tasks.push(task.task);
      return streaming(task, own);
    };
    try {
      if (!isMet) await meetCrew(crew, { device, trains: false, onNote: () => {} });
      const result = await work({ crew, tasks });
      await crew.end();
      return result;
    } catch (error) {
      // The others wait for what does not come.
      await transport!.abort(1, String(error)).catch(() => {});
      throw error;
    }
  };
  const [led, ...served] = await Promise.allSettled([lead(), ...others.map((other) => serveRank(other, config))]);
  if (led.status === "rejected") throw led.reason;
  for (const one of served) if (one.status === "rejected") throw one.reason;
  return led.value;
}
