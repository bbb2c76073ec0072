// The trace on the page: four views of one station. The server rendered all of them; this only says which is current.

import { late } from "./late.ts";
import { keeps, mark, must, PacketMap } from "./map.ts";
import { whole } from "./own.ts";
import type { Screen } from "./player.ts";

export class View implements Screen {
  readonly count: number;
  readonly start: number;
  private readonly map: PacketMap;
  private readonly panel: HTMLElement;
  private readonly links: Element[];
  private shown = -1;

  constructor(private readonly app: HTMLElement) {
    this.map = new PacketMap(must(app.querySelector<SVGSVGElement>("#dg")));
    this.panel = must(app.querySelector<HTMLElement>("#detail"));
    this.links = [...app.querySelectorAll(".hop, .dot, .mk")];
    this.count = this.map.count;
    this.start = Number(app.querySelector<HTMLElement>(".detail:not([hidden])")?.dataset.i ?? 0);
    this.shown = this.start;
    this.map.begin(this.start);
    for (const d of app.querySelectorAll(".dot")) d.setAttribute("tabindex", "-1");
    // In the next frame, where the page is laid out anyway.
    requestAnimationFrame(() => this.reveal(this.shown, false));
  }

  show(index: number, tween: boolean): void {
    const stop = this.map.stop(index);
    const before = this.detail(this.shown);
    const detail = this.detail(index);
    this.app.classList.toggle("is-rep", detail.classList.contains("is-rep"));
    this.app.classList.toggle("is-drop", detail.classList.contains("is-drop"));
    this.map.show(index, tween);
    for (const l of this.links) {
      const i = Number((l as HTMLElement | SVGElement).dataset.i);
      l.classList.toggle("is-past", i < index);
      mark(l, i === index);
    }
    const inDetail = before.contains(document.activeElement);
    before.hidden = true;
    detail.hidden = false;
    // The panel that had the focus is gone; the one in its place takes it.
    if (inDetail && index !== this.shown) detail.focus({ preventScroll: true });
    this.hooks(stop, detail);
    this.buttons(index);
    const live = this.app.querySelector("#live");
    if (live) live.textContent = detail.dataset.say ?? "";
    if (index !== this.shown) this.address(stop);
    // What asks for the layout comes last: the page is laid out once.
    this.panel.scrollTop = 0;
    this.reveal(index, tween);
    this.shown = index;
  }

  run(index: number, ms: number): void {
    this.map.run(index - 1, index, ms);
  }

  pace(speed: number): void {
    this.map.pace(speed);
  }

  playing(on: boolean): void {
    playButton(this.app, on);
  }

  /** shows the whole map, or follows the packet again (narrow screens). */
  fit(): void {
    this.map.fit(this.shown);
  }

  refit(): void {
    this.map.refit(this.shown);
  }

  private detail(index: number): HTMLElement {
    const there = this.panel.querySelector<HTMLElement>(`:scope > .detail[data-i="${index}"]`);
    return there ?? must(late(must(this.panel.querySelector(`:scope > noscript[data-i="${index}"]`))));
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
    const href = (i: number) => this.map.stop(i).getAttribute("href") ?? "";
    const last = this.count - 1;
    jump(this.app, "#b-first", href(0), index === 0);
    jump(this.app, "#b-prev", href(Math.max(index - 1, 0)), index === 0);
    jump(this.app, "#b-next", href(Math.min(index + 1, last)), index === last);
    jump(this.app, "#b-last", href(last), index === last);
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
    if (strip && ring) centre(strip, ring, behavior);
  }

  /** The address bar holds the permalink of the station; so do the links that change language and theme. */
  private address(stop: SVGAElement): void {
    const href = stop.getAttribute("href");
    if (!href) return;
    history.replaceState(history.state, "", whole(href));
    keeps(href);
    document.dispatchEvent(new Event("podpath:step")); // a room tells the others (room.ts)
  }
}

/** jump points a button of the transport to where it leads, or says that it leads nowhere. */
export function jump(app: HTMLElement, id: string, href: string, off: boolean): void {
  const a = app.querySelector<HTMLAnchorElement>(id);
  if (!a) return;
  a.href = href;
  a.classList.toggle("is-off", off);
  if (off) a.setAttribute("aria-disabled", "true");
  else a.removeAttribute("aria-disabled");
}

/** playButton shows whether the player plays. */
export function playButton(app: HTMLElement, on: boolean): void {
  const b = must(app.querySelector<HTMLButtonElement>("#b-play"));
  b.classList.toggle("is-playing", on);
  b.setAttribute("aria-label", (on ? b.dataset.pause : b.dataset.play) ?? "");
}

/** centre scrolls a strip sideways until an element is in its middle. */
export function centre(strip: HTMLElement, el: Element, behavior: ScrollBehavior): void {
  if (strip.scrollWidth <= strip.clientWidth + 4) return;
  const box = el.getBoundingClientRect();
  const left = box.left + box.width / 2 - strip.getBoundingClientRect().left + strip.scrollLeft;
  strip.scrollTo({ left: left - strip.clientWidth / 2, behavior });
}
