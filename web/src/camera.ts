// On narrow screens the camera frames the box that the packet is in; on wide ones it shows the whole map.

import type { Point } from "./path.ts";
import { HOP } from "./player.ts";

type Box = [number, number, number, number];

const NARROW = "(max-width: 760px)";
const STILL = "(prefers-reduced-motion: reduce)";

export class Camera {
  private readonly width: number;
  private readonly height: number;
  private whole = false;
  private now: Box;
  private pan: Animation | null = null;
  /** What scale gives; 0 when it has to be worked out anew. */
  private pixels = 0;

  /** The sheet has two drawings, the map and over it the packet's, and both show the same part. */
  constructor(
    private readonly sheet: HTMLElement,
    private readonly svg: SVGSVGElement,
    private readonly over: SVGSVGElement,
  ) {
    this.width = Number(svg.dataset.w);
    this.height = Number(svg.dataset.h);
    this.now = [0, 0, this.width, this.height];
    new ResizeObserver(() => {
      this.pixels = 0;
    }).observe(sheet);
  }

  /** Pixels of a unit of the drawing. */
  scale(): number {
    const [, , w, h] = this.now;
    this.pixels ||= Math.min(this.sheet.clientWidth / w, this.sheet.clientHeight / h);
    return this.pixels;
  }

  toggle(at: Point): void {
    this.whole = !this.whole;
    this.look(at, false);
  }

  /**
   * looks at a point. With a tween the part that is shown is the new one at once, and the sheet is moved back and let go
   * of: the browser moves what it has painted by itself. From where it is seen now, if it was still on its way.
   */
  look(at: Point, tween: boolean): void {
    const to = this.target(at);
    const from = this.now;
    if (same(from, to)) {
      if (!tween) this.pan?.cancel();
      return;
    }
    const seen = this.pan?.playState === "running" ? new DOMMatrix(getComputedStyle(this.sheet).transform) : null;
    this.pan?.cancel();
    this.set(to);
    if (!tween || matchMedia(STILL).matches || from[2] !== to[2] || from[3] !== to[3]) return;
    const x = (to[0] - from[0]) * this.scale() + (seen?.e ?? 0);
    const y = (to[1] - from[1]) * this.scale() + (seen?.f ?? 0);
    const frames = [{ transform: `translate(${x}px, ${y}px)` }, { transform: "none" }];
    this.pan = this.sheet.animate(frames, { duration: HOP, easing: "ease-in-out" });
  }

  private target(at: Point): Box {
    if (this.whole || !matchMedia(NARROW).matches) return [0, 0, this.width, this.height];
    return frame(at, this.width, this.height);
  }

  private set(box: Box): void {
    this.now = box;
    this.pixels = 0;
    const part = box.map((n) => n.toFixed(1)).join(" ");
    this.svg.setAttribute("viewBox", part);
    this.over.setAttribute("viewBox", part);
  }
}

/** frame is the window around a point: as wide as a node, and never beyond the map's edges. */
export function frame(at: Point, width: number, height: number): Box {
  const w = Math.min(408, width);
  const h = Math.min(338, height);
  const middle = width / 2;
  let centre = middle;
  if (at.x < middle - 30) centre = 217;
  else if (at.x > middle + 30) centre = width - 217;
  return [clamp(centre - w / 2, width - w), clamp(at.y - h / 2, height - h), w, h];
}

function clamp(x: number, max: number): number {
  return Math.max(0, Math.min(x, max));
}

function same(a: Box, b: Box): boolean {
  return a.every((x, i) => x === b[i]);
}
