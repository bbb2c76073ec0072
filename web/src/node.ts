// A node's page: what is selected in the figure is marked in the lines, and the other way round. The server can do all of
// it, a link at a time; with a script it happens in place.

import { must } from "./map.ts";

export class NodeView {
  private readonly lines: HTMLElement[];
  private readonly things: Element[];

  constructor(private readonly root: HTMLElement) {
    this.lines = [...root.querySelectorAll<HTMLElement>(".pane li[data-about]")];
    this.things = [...root.querySelectorAll("[data-thing]")];
    this.mark(root.dataset.select ?? "");
    root.addEventListener("click", (ev) => this.click(ev));
    root.addEventListener("pointerover", (ev) => this.hover(ev.target as Element));
    addEventListener("hashchange", () => this.reveal());
    this.reveal();
  }

  private click(ev: MouseEvent): void {
    if (ev.defaultPrevented || ev.button !== 0 || ev.metaKey || ev.ctrlKey || ev.shiftKey || ev.altKey) return;
    const target = ev.target as Element;
    const tab = target.closest<HTMLElement>("[data-tab]");
    const panel = target.closest<SVGElement>("[data-panel]");
    const thing = target.closest<HTMLElement | SVGElement>("[data-thing]");
    if (tab) this.open(tab.dataset.tab ?? "");
    else if (panel) this.panel(panel.dataset.panel ?? "");
    else if (thing) {
      const id = thing.dataset.thing ?? "";
      this.select(id === this.root.dataset.select ? "" : id);
    } else if (target.closest("#clear")) this.select("");
    else return;
    ev.preventDefault();
  }

  private select(id: string): void {
    this.root.dataset.select = id;
    this.mark(id);
    this.address((q) => (id ? q.set("select", id) : q.delete("select")));
    // Where the tab that is open has nothing to say, one that has is shown.
    const counts = this.count();
    const open = this.opened();
    if (id && !counts.get(open)) {
      const other = [...counts].find(([, n]) => n > 0);
      if (other) this.open(other[0]);
    }
    this.pane(this.opened())?.querySelector("li.rel")?.scrollIntoView({ block: "nearest" });
  }

  /** marks what is selected, and every line that mentions it. */
  private mark(id: string): void {
    let name = "";
    for (const t of this.things) {
      const on = id !== "" && (t as HTMLElement).dataset.thing === id;
      t.classList.toggle(t.classList.contains("tok") ? "is-sel" : "rel", on);
      if (t.classList.contains("tok")) {
        if (on) name = t.textContent ?? "";
        continue;
      }
      if (on) t.setAttribute("aria-current", "true");
      else t.removeAttribute("aria-current");
    }
    markPod(this.root, "relbox", id === "" ? [] : [id]);
    for (const l of this.lines) l.classList.toggle("rel", id !== "" && about(l).includes(id));
    const filt = must(this.root.querySelector<HTMLElement>("#filt"));
    filt.textContent = (id ? filt.dataset.some : filt.dataset.none) ?? "";
    if (id) {
      const b = document.createElement("b");
      b.className = "mono";
      b.textContent = name || id.replace(/^(if|ip)-/, "");
      filt.append(" ", b);
    }
    must(this.root.querySelector<HTMLElement>("#clear")).hidden = id === "";
    for (const [tab, n] of this.count()) {
      const small = this.root.querySelector<HTMLElement>(`[data-tab="${tab}"] small`);
      if (!small) continue;
      small.textContent = String(n);
      small.hidden = n === 0;
    }
  }

  /** How many lines of each tab are about what is selected. */
  private count(): Map<string, number> {
    const out = new Map<string, number>();
    for (const p of this.root.querySelectorAll<HTMLElement>("[data-pane]"))
      out.set(p.dataset.pane ?? "", p.querySelectorAll("li.rel").length);
    return out;
  }

  /** What a line under the pointer is about stands out in the figure. */
  private hover(target: Element): void {
    const line = target.closest<HTMLElement>(".pane li[data-about]");
    const ids = line ? about(line) : [];
    for (const t of this.things)
      if (!t.classList.contains("tok"))
        t.classList.toggle("also", ids.includes((t as HTMLElement).dataset.thing ?? ""));
    markPod(this.root, "alsobox", ids);
  }

  private opened(): string {
    return this.root.querySelector<HTMLElement>("[data-pane]:not([hidden])")?.dataset.pane ?? "";
  }

  private pane(tab: string): HTMLElement | null {
    return this.root.querySelector<HTMLElement>(`[data-pane="${tab}"]`);
  }

  private open(tab: string): void {
    if (!this.pane(tab)) return;
    for (const p of this.root.querySelectorAll<HTMLElement>("[data-pane]")) p.hidden = p.dataset.pane !== tab;
    for (const a of this.root.querySelectorAll<HTMLElement>("[data-tab]")) {
      if (a.dataset.tab === tab) a.setAttribute("aria-current", "true");
      else a.removeAttribute("aria-current");
    }
    this.address((q) => q.set("tab", tab));
  }

  /** A panel of the figure leads to a tab, or to a chain. */
  private panel(at: string): void {
    if (this.pane(at)) this.open(at);
    else location.hash = at;
  }

  /** opens the tab that has what the address points at. */
  private reveal(): void {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const tab = target?.closest<HTMLElement>("[data-pane]")?.dataset.pane;
    if (!target || !tab) return;
    if (tab !== this.opened()) this.open(tab);
    target.scrollIntoView({ block: "start" });
  }

  private address(change: (q: URLSearchParams) => void): void {
    const url = new URL(location.href);
    change(url.searchParams);
    history.replaceState(history.state, "", url);
  }
}

function about(line: HTMLElement): string[] {
  return line.dataset.about === "" ? [] : (line.dataset.about ?? "").split(" ");
}

/** markPod gives the pods at these veths a class. */
export function markPod(root: ParentNode, name: string, ids: readonly string[]): void {
  const boxes = ids.map((id) => `pod-${id.replace(/^if-/, "")}`);
  for (const p of root.querySelectorAll(".an .pod")) p.parentElement?.classList.toggle(name, boxes.includes(p.id));
}
