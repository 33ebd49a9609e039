/** The program of a watched page: it replaces the parts of the page that have changed. @module */

/** The parts of a browser's page that the program uses; Deno's types have none of them. */
interface Block {
  innerHTML: string;
  scrollTop: number;
  scrollLeft: number;
  scrollHeight: number;
  clientHeight: number;
  textContent: string;
  open: boolean;
  id: string;
  focus(): void;
  contains(other: Block | null): boolean;
  querySelectorAll(selector: string): Iterable<Block>;
}
interface BrowserPage {
  hidden: boolean;
  activeElement: Block | null;
  getElementById(id: string): Block | null;
  addEventListener(name: string, listener: () => void): void;
}

/**
 * Follows the page's events. It runs in the browser, made of this very text, so that it may use nothing from outside
 * itself. What arrives was made safe where it was made.
 */
function follow(document: BrowserPage): void {
  const told = document.getElementById("link")!;
  let source: EventSource | null = null;
  /** Puts new content into a block; what is open, focused and scrolled in it stays so. */
  const show = (id: string, html: string): void => {
    const block = document.getElementById(id);
    if (!block) return;
    const inside = (selector: string): Block[] => [...block.querySelectorAll(selector)];
    const boxes = ".scroll, .log, .text[tabindex]";
    const reachable = "a, button, summary, [tabindex]";
    const open = inside("details").filter((details) => details.open).map((details) => details.id);
    const focused = block.contains(document.activeElement) ? inside(reachable).indexOf(document.activeElement!) : -1;
    const scrolled = inside(boxes).map((box) => ({
      left: box.scrollLeft,
      top: box.scrollTop,
      isAtEnd: box.scrollTop + box.clientHeight >= box.scrollHeight - 4,
    }));
    block.innerHTML = html;
    for (const details of inside("details")) if (open.includes(details.id)) details.open = true;
    for (const [i, box] of inside(boxes).entries()) {
      const before = scrolled[i];
      if (!before) continue;
      box.scrollLeft = before.left;
      box.scrollTop = before.isAtEnd ? box.scrollHeight : before.top;
    }
    if (focused >= 0) inside(reachable)[focused]?.focus();
  };
  const connect = (): void => {
    source = new EventSource("events" + globalThis.location.search);
    source.onopen = () => told.textContent = "Live: this page follows the files.";
    source.onerror = () =>
      told.textContent = "The connection is lost: dnpo watch has ended, or is out of reach. Trying again.";
    source.onmessage = ({ data }) => {
      for (const [id, html] of Object.entries(JSON.parse(data) as Record<string, string>)) show(id, html);
    };
  };
  // A browser has few connections to one address, so that tabs in the background give theirs back.
  document.addEventListener("visibilitychange", () => {
    source?.close();
    if (!document.hidden) connect();
  });
  connect();
}

/** The program as text. */
export const PAGE_SCRIPT: string = `(${follow})(document);`;
