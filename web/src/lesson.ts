// A lesson on the page: the words of its steps beside the diagram. The server rendered every step that has the same
// trace; the others are links that swap the work area.

import { keeps, mark, must, PacketMap } from "./map.ts";
import { markPod } from "./node.ts";
import { HOP, type Screen } from "./player.ts";
import { remember } from "./progress.ts";
import { centre, jump, playButton } from "./view.ts";

/** What a reader takes in, in milliseconds a character; Korean says more with one. */
const READING: Record<string, number> = { en: 45, ko: 95 };

export class LessonView implements Screen {
  readonly count: number;
  readonly start: number;
  /** Null where the picture is not of a packet: a node from inside, a type's addresses. */
  private readonly map: PacketMap | null;
  private readonly steps: HTMLElement[];
  private readonly dots: HTMLAnchorElement[];
  private shown = -1;

  constructor(private readonly app: HTMLElement) {
    const dg = app.querySelector<SVGSVGElement>("#dg");
    this.map = dg ? new PacketMap(dg) : null;
    this.steps = [...app.querySelectorAll<HTMLElement>(".lstep")];
    this.dots = [...app.querySelectorAll<HTMLAnchorElement>(".ldot")];
    this.count = this.steps.length;
    this.start = Math.max(
      0,
      this.steps.findIndex((s) => !s.hidden),
    );
    this.map?.begin(this.station(this.start));
    this.shown = this.start;
    requestAnimationFrame(() => this.reveal(this.shown, false));
    this.keep();
  }

  show(index: number, tween: boolean): void {
    const step = this.step(index);
    if (this.map) {
      const station = this.map.stop(this.station(index));
      this.app.classList.toggle("is-rep", station.closest(".lane")?.classList.contains("rep") === true);
      this.app.classList.toggle("is-drop", station.classList.contains("drop"));
      this.map.show(this.station(index), tween);
    } else this.select(step.dataset.select ?? "");
    const inside = this.steps[this.shown]?.contains(document.activeElement) === true;
    this.steps.forEach((s, i) => {
      s.hidden = i !== index;
    });
    if (inside && index !== this.shown) step.focus({ preventScroll: true });
    if (index !== this.shown) must(step.parentElement).scrollTop = 0;
    const k = this.number(index);
    this.dots.forEach((d, i) => {
      d.classList.toggle("is-past", i < k);
      mark(d, i === k);
    });
    const href = (i: number) => this.dots[Math.max(0, Math.min(i, this.dots.length - 1))]?.href ?? "";
    jump(this.app, "#b-prev", href(k - 1), k === 0);
    jump(this.app, "#b-next", href(k + 1), k === this.dots.length - 1);
    this.reveal(index, tween);
    const live = this.app.querySelector("#live");
    if (live) live.textContent = `${step.dataset.say ?? ""} ${step.querySelector(".words")?.textContent ?? ""}`;
    if (index !== this.shown) {
      history.replaceState(history.state, "", step.dataset.href ?? "");
      keeps(step.dataset.href ?? "");
    }
    this.shown = index;
    this.keep();
  }

  run(index: number, ms: number): void {
    this.map?.run(this.before(index), this.station(index), ms);
  }

  pace(speed: number): void {
    this.map?.pace(speed);
  }

  /** A long way takes longer, but not as long as its hops would one by one. */
  length(index: number): number {
    return Math.min(4, Math.sqrt(Math.max(1, this.station(index) - this.before(index))));
  }

  /** Play leaves time to read. */
  dwell(index: number): number {
    const step = this.step(index);
    let characters = 0;
    for (const w of step.querySelectorAll<HTMLElement>(".words, .ask"))
      if (w.checkVisibility()) characters += w.textContent?.length ?? 0;
    return 1500 + this.length(index) * HOP + characters * (READING[this.app.dataset.lang ?? ""] ?? 45);
  }

  holds(index: number): boolean {
    return this.isOpen(index);
  }

  playing(on: boolean): void {
    playButton(this.app, on);
  }

  fit(): void {
    this.map?.fit(this.station(this.shown));
  }

  refit(): void {
    this.map?.refit(this.station(this.shown));
  }

  isOpen(index: number): boolean {
    return this.step(index).classList.contains("is-open");
  }

  /** answers a step's question: with one of its answers, or with none, which shows the right one. */
  answer(index: number, choice: HTMLElement | null): void {
    const step = this.step(index);
    step.classList.remove("is-open");
    for (const o of step.querySelectorAll<HTMLElement>(".opt")) {
      o.classList.toggle("mine", o === choice);
      o.classList.toggle("right", o.dataset.right !== undefined);
      if (o === choice) o.setAttribute("aria-current", "true");
      else o.removeAttribute("aria-current");
    }
  }

  /** The step on this page that is at a station; -1 for none. */
  at(station: number): number {
    return this.steps.findIndex((s) => Number(s.dataset.i) === station);
  }

  /** The number of a step of this page within the lesson, from 0. */
  number(index: number): number {
    return Number(this.step(index).dataset.k);
  }

  /** The index on this page of a step of the lesson; -1 where another page has it. */
  index(number: number): number {
    return this.steps.findIndex((s) => Number(s.dataset.k) === number);
  }

  /** goes where another page has to be asked for. */
  leave(number: number): void {
    this.dots[number]?.click();
  }

  get total(): number {
    return this.dots.length;
  }

  /** What a step is about stands out in the picture of a node. */
  private select(id: string): void {
    for (const t of this.app.querySelectorAll<SVGElement>(".an [data-thing]"))
      t.classList.toggle("rel", id !== "" && t.dataset.thing === id);
    markPod(this.app, "relbox", id === "" ? [] : [id]);
  }

  private step(index: number): HTMLElement {
    return must(this.steps[index]);
  }

  private before(index: number): number {
    return Number(this.step(index).dataset.before);
  }

  /** Where the packet is at a step: while its question is open, where it was before. */
  private station(index: number): number {
    return this.isOpen(index) ? this.before(index) : Number(this.step(index).dataset.i);
  }

  private reveal(index: number, smooth: boolean): void {
    const strip = this.app.querySelector<HTMLElement>("#tlw");
    const dot = this.dots[this.number(index)];
    if (strip && dot) centre(strip, dot, smooth ? "smooth" : "auto");
  }

  private keep(): void {
    const step = new URL(this.step(this.shown).dataset.href ?? "", location.href).searchParams.get("step");
    remember(this.app.dataset.lesson ?? "", this.number(this.shown) + 1, this.total, step ?? "");
  }
}
