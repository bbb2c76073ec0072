// The diagram: the packet on its line, the stations, and the box that it is in. The server rendered all of it; this only
// says which station is current and where the packet is.

import { Camera } from "./camera.ts";
import { at, ease, join, type Point, sample, type Table } from "./path.ts";

/** How often the packet's place on its way is worked out, in milliseconds: about once a frame. */
const FRAME = 16;

export class PacketMap {
  readonly count: number;
  private readonly stops: SVGAElement[];
  private readonly segments: SVGPathElement[];
  private readonly lanes: SVGGElement[];
  private readonly tables = new Map<string, Table>();
  /** The packet's drawing, in the cel that moves. */
  private readonly over: HTMLElement;
  private readonly chip: SVGGElement;
  private readonly camera: Camera;
  /** The way that the packet is on. */
  private way: Animation | null = null;
  private speed = 1;

  constructor(private readonly svg: SVGSVGElement) {
    this.stops = byIndex(svg.querySelectorAll<SVGAElement>(".st"));
    this.segments = [...svg.querySelectorAll<SVGPathElement>(".seg-l, .casing")];
    this.lanes = [...svg.querySelectorAll<SVGGElement>(".lane")];
    const sheet = must(svg.closest<HTMLElement>(".sheet"));
    this.over = must(sheet.querySelector<HTMLElement>(".cel.over"));
    this.chip = must(this.over.querySelector<SVGGElement>("#pk"));
    this.camera = new Camera(sheet, svg, must(this.over.querySelector<SVGSVGElement>("svg")));
    this.count = this.stops.length;
  }

  stop(index: number): SVGAElement {
    return must(this.stops[index]);
  }

  /** begins at a station that the server rendered as the current one. */
  begin(index: number): void {
    this.roving(index);
    this.camera.look(this.place(index), false);
  }

  show(index: number, tween: boolean): void {
    const stop = this.stop(index);
    const lane = stop.closest<SVGGElement>(".lane")?.dataset.lane;
    for (const s of this.segments) s.classList.toggle("is-past", Number(s.dataset.i) <= index);
    for (const g of this.lanes) g.classList.toggle("is-off", g.dataset.lane !== lane);
    const hadFocus = document.activeElement?.classList.contains("st") === true;
    this.stops.forEach((s, i) => {
      s.classList.toggle("is-past", i < index);
      s.classList.toggle("is-cur", i === index);
      mark(s, i === index);
    });
    for (const g of this.svg.querySelectorAll(".is-here")) g.classList.remove("is-here");
    const here = stop.dataset.here;
    if (here) document.getElementById(here)?.classList.add("is-here");
    this.dress(stop);
    this.roving(index);
    if (hadFocus) stop.focus({ preventScroll: true });
    this.camera.look(this.place(index), tween);
  }

  /**
   * The packet sets out from one station to another and takes so many milliseconds; backwards, and in none, it is simply
   * there. It is drawn at the end of its way, and on it the whole of its drawing is moved back. The browser is given all
   * of the way at once and moves the drawing by itself, with no layout, no paint and none of the page's script: it runs
   * on while the panel beside it is laid out.
   */
  run(from: number, to: number, ms: number): void {
    const end = this.place(to);
    this.chip.setAttribute("transform", `translate(${end.x.toFixed(2)} ${end.y.toFixed(2)})`);
    this.way?.cancel();
    this.way = null;
    if (ms <= 0 || from >= to) return;
    const frames = steps(this.table(from, to), end, this.camera.scale(), Math.max(1, Math.round(ms / FRAME)));
    this.way = this.over.animate(frames, { duration: ms });
    this.way.playbackRate = this.speed;
  }

  /** What moves does so at this speed. */
  pace(speed: number): void {
    this.speed = speed;
    this.way?.updatePlaybackRate(speed);
  }

  /** shows the whole map, or follows the packet again (narrow screens). */
  fit(index: number): void {
    this.camera.toggle(this.place(index));
  }

  refit(index: number): void {
    this.camera.look(this.place(index), false);
  }

  private place(index: number): { x: number; y: number } {
    const s = this.stop(index);
    return { x: Number(s.dataset.x), y: Number(s.dataset.y) };
  }

  /** The sampled way between two stations; a lane's first station has none, so the packet is simply there. */
  private table(from: number, to: number): Table {
    const key = `${from} ${to}`;
    let t = this.tables.get(key);
    if (!t) {
      const parts: Table[] = [];
      for (let i = from + 1; i <= to; i++) {
        const own = this.segments.find((s) => Number(s.dataset.i) === i && s.classList.contains("seg-l"));
        const p = this.place(i);
        parts.push(own ? sample(own) : new Float32Array([p.x, p.y]));
      }
      t = join(parts);
      this.tables.set(key, t);
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

  /** Only the current station is in the tab order; arrows reach the others. */
  private roving(index: number): void {
    this.stops.forEach((s, i) => {
      s.setAttribute("tabindex", i === index ? "0" : "-1");
    });
  }
}

/** The way as n equal steps in time: where the drawing is moved to, so that what is drawn at its end is on its way. */
function steps(way: Table, end: Point, scale: number, n: number): Keyframe[] {
  return Array.from({ length: n + 1 }, (_, i) => {
    const p = at(way, ease(i / n));
    const [x, y] = [(p.x - end.x) * scale, (p.y - end.y) * scale];
    return { transform: `translate(${x.toFixed(2)}px, ${y.toFixed(2)}px)` };
  });
}

/** Elements in the order of their data-i. */
export function byIndex<T extends HTMLElement | SVGElement>(list: NodeListOf<T>): T[] {
  return [...list].sort((a, b) => Number(a.dataset.i) - Number(b.dataset.i));
}

/** marks the current step. */
export function mark(el: Element, on: boolean): void {
  if (on) el.setAttribute("aria-current", "step");
  else el.removeAttribute("aria-current");
}

/** keeps puts a step into the links that change language and theme, so that they lead to where the reader is. */
export function keeps(href: string): void {
  const step = new URL(href, location.href).searchParams.get("step");
  for (const a of document.querySelectorAll<HTMLAnchorElement>("a[data-keep-step]")) {
    const url = new URL(a.href);
    if (step) url.searchParams.set("step", step);
    a.href = url.pathname + readable(url.search);
  }
}

/** readable undoes the escapes that a query does not need. */
export function readable(search: string): string {
  return search.replace(/%2F/g, "/").replace(/%3A/g, ":").replace(/%3D/g, "=").replace(/%2C/g, ",");
}

export function must<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error("podpath: the page lacks a part");
  return value;
}
