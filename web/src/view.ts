// The trace on the page: four views of one station. The server rendered all of them; this only says which is current.

import { Camera } from "./camera.ts";
import { at, ease, sample, type Table } from "./path.ts";
import type { Screen } from "./player.ts";

export class View implements Screen {
  readonly count: number;
  readonly start: number;
  private readonly stops: SVGAElement[];
  private readonly segments: SVGPathElement[];
  private readonly lanes: SVGGElement[];
  private readonly details: HTMLElement[];
  private readonly links: Element[];
  private readonly tables = new Map<number, Table>();
  private readonly chip: SVGGElement;
  private readonly camera: Camera;
  private shown = -1;

  constructor(private readonly app: HTMLElement) {
    const svg = must(app.querySelector<SVGSVGElement>("#dg"));
    this.stops = byIndex(app.querySelectorAll<SVGAElement>("#dg .st"));
    this.segments = [...svg.querySelectorAll<SVGPathElement>(".seg-l, .casing")];
    this.lanes = [...svg.querySelectorAll<SVGGElement>(".lane")];
    this.details = byIndex(app.querySelectorAll<HTMLElement>(".detail"));
    this.links = [...app.querySelectorAll(".hop, .dot")];
    this.chip = must(svg.querySelector<SVGGElement>("#pk"));
    this.camera = new Camera(svg);
    this.count = this.stops.length;
    this.start = Math.max(
      0,
      this.details.findIndex((d) => !d.hidden),
    );
    this.shown = this.start;
    this.roving(this.start);
    this.camera.look(this.place(this.start), false);
    this.reveal(this.start, false);
  }

  show(index: number, tween: boolean): void {
    const stop = this.stop(index);
    const detail = must(this.details[index]);
    const lane = stop.closest<SVGGElement>(".lane")?.dataset.lane;
    this.app.classList.toggle("is-rep", detail.classList.contains("is-rep"));
    this.app.classList.toggle("is-drop", detail.classList.contains("is-drop"));
    for (const s of this.segments) s.classList.toggle("is-past", Number(s.dataset.i) <= index);
    for (const g of this.lanes) g.classList.toggle("is-off", g.dataset.lane !== lane);
    const hadFocus = document.activeElement?.classList.contains("st") === true;
    this.stops.forEach((s, i) => {
      s.classList.toggle("is-past", i < index);
      s.classList.toggle("is-cur", i === index);
      mark(s, i === index);
    });
    for (const l of this.links) {
      const i = Number((l as HTMLElement | SVGElement).dataset.i);
      l.classList.toggle("is-past", i < index);
      mark(l, i === index);
    }
    const inDetail = this.details[this.shown]?.contains(document.activeElement) === true;
    this.details.forEach((d, i) => {
      d.hidden = i !== index;
    });
    // The panel that had the focus is gone; the one in its place takes it.
    if (inDetail && index !== this.shown) detail.focus({ preventScroll: true });
    must(detail.parentElement).scrollTop = 0;
    for (const g of this.app.querySelectorAll("#dg .is-here")) g.classList.remove("is-here");
    const here = stop.dataset.here;
    if (here) document.getElementById(here)?.classList.add("is-here");
    this.dress(stop);
    this.hooks(stop, detail);
    this.buttons(index);
    this.roving(index);
    if (hadFocus) stop.focus({ preventScroll: true });
    this.camera.look(this.place(index), tween);
    this.reveal(index, tween);
    const live = this.app.querySelector("#live");
    if (live) live.textContent = detail.dataset.say ?? "";
    if (index !== this.shown) this.address(stop);
    this.shown = index;
  }

  move(index: number, u: number): void {
    const p = u >= 1 ? this.place(index) : at(this.table(index), ease(u));
    this.chip.setAttribute("transform", `translate(${p.x.toFixed(2)} ${p.y.toFixed(2)})`);
  }

  playing(on: boolean): void {
    const b = must(this.app.querySelector<HTMLButtonElement>("#b-play"));
    b.classList.toggle("is-playing", on);
    b.setAttribute("aria-label", (on ? b.dataset.pause : b.dataset.play) ?? "");
  }

  /** shows the whole map, or follows the packet again (narrow screens). */
  fit(): void {
    this.camera.toggle(this.place(this.shown));
  }

  refit(): void {
    this.camera.look(this.place(this.shown), false);
  }

  private stop(index: number): SVGAElement {
    return must(this.stops[index]);
  }

  private place(index: number): { x: number; y: number } {
    const s = this.stop(index);
    return { x: Number(s.dataset.x), y: Number(s.dataset.y) };
  }

  /** The sampled way to a station; a lane's first station has none, so the packet is simply there. */
  private table(index: number): Table {
    let t = this.tables.get(index);
    if (!t) {
      const own = this.segments.find((s) => Number(s.dataset.i) === index && s.classList.contains("seg-l"));
      const p = this.place(index);
      t = own ? sample(own) : new Float32Array([p.x, p.y]);
      this.tables.set(index, t);
    }
    return t;
  }

  /** dress gives the chip the headers that the packet has after the station. */
  private dress(stop: SVGAElement): void {
    const rep = stop.closest(".lane")?.classList.contains("rep") === true;
    const gone = stop.classList.contains("drop");
    this.chip.setAttribute("class", `pk ${stop.dataset.chip ?? ""}${rep ? " rep" : ""}${gone ? " is-gone" : ""}`);
    const flag = this.chip.querySelector(".flag text");
    if (flag) flag.textContent = stop.dataset.mark ?? "";
  }

  private hooks(stop: SVGAElement, detail: HTMLElement): void {
    const map = this.app.querySelector<SVGSVGElement>(".hm");
    if (!map) return;
    const hook = stop.dataset.hook ?? "";
    map.classList.toggle("rep", detail.classList.contains("is-rep"));
    map.classList.toggle("drop", detail.classList.contains("is-drop"));
    map.classList.toggle("off", hook === "");
    for (const b of map.querySelectorAll<SVGGElement>(".hk")) b.classList.toggle("on", b.dataset.hook === hook);
    map.setAttribute("aria-label", stop.dataset.hookLabel ?? "");
    const ns = this.app.querySelector("#where-ns");
    if (ns) ns.textContent = stop.dataset.ns ?? "";
  }

  private buttons(index: number): void {
    const targets: [string, number][] = [
      ["#b-first", 0],
      ["#b-prev", Math.max(index - 1, 0)],
      ["#b-next", Math.min(index + 1, this.count - 1)],
      ["#b-last", this.count - 1],
    ];
    for (const [id, to] of targets) {
      const a = this.app.querySelector<HTMLAnchorElement>(id);
      if (!a) continue;
      a.href = this.stop(to).getAttribute("href") ?? "";
      a.classList.toggle("is-off", to === index);
      if (to === index) a.setAttribute("aria-disabled", "true");
      else a.removeAttribute("aria-disabled");
    }
  }

  /** Only the current station is in the tab order; arrows reach the others. */
  private roving(index: number): void {
    this.stops.forEach((s, i) => {
      s.setAttribute("tabindex", i === index ? "0" : "-1");
    });
    for (const d of this.app.querySelectorAll(".dot")) d.setAttribute("tabindex", "-1");
  }

  /** brings the current entry of the list and the timeline into sight. */
  private reveal(index: number, smooth: boolean): void {
    const behavior: ScrollBehavior = smooth ? "smooth" : "auto";
    const list = this.app.querySelector<HTMLElement>("#hops");
    const hop = list?.querySelector<HTMLElement>(`.hop[data-i="${index}"]`);
    if (list && hop) {
      const top = hop.getBoundingClientRect().top - list.getBoundingClientRect().top + list.scrollTop;
      list.scrollTo({ top: top - list.clientHeight / 2 + 14, behavior });
    }
    const strip = this.app.querySelector<HTMLElement>("#tlw");
    const ring = strip?.querySelector<SVGCircleElement>(`.dot[data-i="${index}"] .ring`);
    if (strip && ring && strip.scrollWidth > strip.clientWidth + 4) {
      const box = ring.getBoundingClientRect();
      const left = box.left + box.width / 2 - strip.getBoundingClientRect().left + strip.scrollLeft;
      strip.scrollTo({ left: left - strip.clientWidth / 2, behavior });
    }
  }

  /** The address bar holds the permalink of the station; so do the links that change language and theme. */
  private address(stop: SVGAElement): void {
    const href = stop.getAttribute("href");
    if (!href) return;
    history.replaceState(history.state, "", href);
    const step = new URL(href, location.href).searchParams.get("step");
    for (const a of document.querySelectorAll<HTMLAnchorElement>("a[data-keep-step]")) {
      const url = new URL(a.href);
      if (step) url.searchParams.set("step", step);
      a.href = url.pathname + readable(url.search);
    }
  }
}

/** readable undoes the escapes that a query does not need. */
function readable(search: string): string {
  return search.replace(/%2F/g, "/").replace(/%3A/g, ":").replace(/%3D/g, "=").replace(/%2C/g, ",");
}

function byIndex<T extends HTMLElement | SVGElement>(list: NodeListOf<T>): T[] {
  return [...list].sort((a, b) => Number(a.dataset.i) - Number(b.dataset.i));
}

function mark(el: Element, on: boolean): void {
  if (on) el.setAttribute("aria-current", "step");
  else el.removeAttribute("aria-current");
}

export function must<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error("podpath: the page lacks a part");
  return value;
}
