/** Work that all ranks do beside each other, each on its own rows, and whose results come together now and then. @module */
import { gatherTexts } from "./gather_texts.ts";
import type { Transport } from "./transport.ts";

/** A rank's own part of the work. */
export interface SteppedWork<T> {
  /** Does a little of it; returns what it has found, which is plain data. */
  step(): Promise<T[]>;
  /** Whether nothing is left. */
  isDone(): boolean;
  /** Called in the end, whether all was done or not. */
  free(): void | Promise<void>;
}

/** What a rank tells after some steps. */
interface Told<T> {
  found: T[];
  isDone: boolean;
  isStopped: boolean;
}

/** How often ranks tell each other. */
export interface InStepOptions {
  /** Steps between two times (default 4). */
  every?: number;
}

/**
 * Runs the work of all ranks and yields what they have found, in order of the ranks, each time they tell it. It ends when
 * all are done, or when the one who reads it on any rank stops reading: then all stop.
 */
export async function* inStep<T>(
  transport: Transport,
  work: SteppedWork<T>,
  { every = 4 }: InStepOptions = {},
): AsyncGenerator<T[]> {
  const tell = async (told: Told<T>): Promise<Told<T>[]> => {
    const texts = await gatherTexts(transport, JSON.stringify(told));
    return texts.map((text) => JSON.parse(text) as Told<T>);
  };
  const next = async (): Promise<Told<T>[]> => {
    const found: T[] = [];
    for (let i = 0; i < every && !work.isDone(); i++) found.push(...await work.step());
    return await tell({ found, isDone: work.isDone(), isStopped: false });
  };
  try {
    while (true) {
      const all = await next();
      const isOver = all.some(({ isStopped }) => isStopped) || all.every(({ isDone }) => isDone);
      let isRead = false;
      try {
        yield all.flatMap(({ found }) => found);
        isRead = true;
      } finally {
        // The others compute on, and hear of it when they tell next.
        if (!isRead && !isOver) await tell({ found: [], isDone: true, isStopped: true });
      }
      if (isOver) return;
    }
  } finally {
    await work.free();
  }
}

/** Runs the work of a process that has no others beside it, and yields what each step has found. */
export async function* alone<T>(work: SteppedWork<T>): AsyncGenerator<T[]> {
  try {
    while (!work.isDone()) yield await work.step();
  } finally {
    await work.free();
  }
}

/** The work of a generator: one step is what it yields next. */
export function generatorWork<T>(generator: AsyncGenerator<T[]>): SteppedWork<T> {
  let isDone = false;
  return {
    async step() {
      const { value, done } = await generator.next();
      isDone = done ?? false;
      return done ? [] : value;
    },
    isDone: () => isDone,
    free: async () => void await generator.return(undefined),
  };
}
