/** What a rendering may cost: steps, characters, depth and time. @module */

/** A template that is wrong, asks for what is not supported, or passes a limit. The message is one line. */
export class TemplateError extends Error {
  override readonly name = "TemplateError";
  /** Whether the line of the template is told: not where the template itself says what is wrong. */
  readonly isOwn: boolean;

  constructor(message: string, { isOwn = false }: { isOwn?: boolean } = {}) {
    super(message);
    this.isOwn = isOwn;
  }
}

/**
 * The most steps of one rendering, which take half a second or less, and the further steps for each character of the
 * input: some templates walk a text letter by letter. A step is a node that is evaluated, an element that is visited, or
 * CHARS_PER_STEP characters; a turn of a conversation takes about fifty.
 */
const MAX_STEPS = 5e5;
const STEPS_PER_CHAR = 32;
const CHARS_PER_STEP = 64;

/** The most characters of a text, and of all texts that are made, kept or not; and more for each one of the input. */
const MAX_CHARS = 1 << 20;
const MAX_CHARS_PER_CHAR = 8;
const MAX_MADE = 5e7;
const MADE_PER_CHAR = 32;

/** What an element of a list takes, in characters. */
const CHARS_PER_ELEMENT = 8;

/** The most calls, or values in values, within one another. */
const MAX_DEPTH = 200;

/** The steps between two looks at the clock. */
const STEPS_PER_LOOK = 2048;

/** Counts what a rendering costs, before it is done. Every method throws a TemplateError beyond the limit. */
export class Limits {
  #steps: number;
  #made: number;
  #untilLook = STEPS_PER_LOOK;
  #depth = 0;
  readonly #maxChars: number;
  readonly #milliseconds: number;
  readonly #end: number;

  /** `size` is the number of characters of the input. */
  constructor({ size, milliseconds }: { size: number; milliseconds: number }) {
    this.#steps = MAX_STEPS + STEPS_PER_CHAR * size;
    this.#made = MAX_MADE + MADE_PER_CHAR * size;
    this.#maxChars = MAX_CHARS + MAX_CHARS_PER_CHAR * size;
    this.#milliseconds = milliseconds;
    this.#end = performance.now() + milliseconds;
  }

  /** Counts steps, and looks at the clock now and then. */
  spend(steps: number): void {
    this.#steps -= steps;
    if (this.#steps < 0) throw new TemplateError("it takes too long (are its loops bounded?)");
    this.#untilLook -= steps;
    if (this.#untilLook > 0) return;
    this.#untilLook = STEPS_PER_LOOK;
    if (performance.now() > this.#end) throw new TemplateError(`it takes longer than ${this.#milliseconds / 1000} s`);
  }

  /** Counts a text of so many characters that is read. */
  read(length: number): void {
    this.spend(1 + length / CHARS_PER_STEP);
  }

  /** Counts a text of so many characters that is about to be made. */
  make(length: number): void {
    this.fit(length);
    this.#made -= length;
    if (this.#made < 0) throw new TemplateError("it makes too much text (are its loops bounded?)");
    this.spend(1 + length / CHARS_PER_STEP);
  }

  /** Refuses a text of so many characters. */
  fit(length: number): void {
    if (length > this.#maxChars) {
      throw new TemplateError(`it makes a text of ${length} characters, expected at most ${this.#maxChars}`);
    }
  }

  /** Counts a list of so many elements that is about to be made. */
  makeList(length: number): void {
    this.spend(1 + length);
    this.#made -= CHARS_PER_ELEMENT * length;
    if (this.#made < 0) throw new TemplateError(`it makes a list of ${length} elements, and has made others`);
  }

  /** Runs `run` one level deeper. */
  nest<T>(run: () => T): T {
    if (++this.#depth > MAX_DEPTH) throw new TemplateError("it nests too deeply");
    try {
      return run();
    } finally {
      this.#depth--;
    }
  }
}

/** A text that grows, and is counted while it does. */
export class TextBuilder {
  readonly #limits: Limits;
  readonly #parts: string[] = [];
  #length = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Its length so far, in UTF-16 units. */
  get length(): number {
    return this.#length;
  }

  add(part: string): void {
    if (part === "") return;
    this.#length += part.length;
    this.#limits.fit(this.#length);
    this.#limits.make(part.length);
    this.#parts.push(part);
  }

  toString(): string {
    return this.#parts.join("");
  }
}
