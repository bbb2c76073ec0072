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
  private frame = 0;

  /** The packet's drawing lies over the map, and shows the same part. */
  constructor(
    private readonly svg: SVGSVGElement,
    private readonly over: SVGSVGElement,
  ) {
    this.width = Number(svg.dataset.w);
    this.height = Number(svg.dataset.h);
    this.now = [0, 0, this.width, this.height];
  }

  toggle(at: Point): void {
    this.whole = !this.whole;
    this.look(at, false);
  }

  look(at: Point, tween: boolean): void {
    const to = this.target(at);
    cancelAnimationFrame(this.frame);
    if (!tween || matchMedia(STILL).matches || same(this.now, to)) {
      this.set(to);
      return;
    }
    const from = this.now;
    const start = performance.now();
    const step = () => {
      const u = Math.min(1, (performance.now() - start) / HOP);
      const k = u * u * (3 - 2 * u);
      this.set(from.map((a, i) => a + ((to[i] ?? 0) - a) * k) as Box);
      if (u < 1) this.frame = requestAnimationFrame(step);
    };
    this.frame = requestAnimationFrame(step);
  }

  private target(at: Point): Box {
    if (this.whole || !matchMedia(NARROW).matches) return [0, 0, this.width, this.height];
    return frame(at, this.width, this.height);
  }

  private set(box: Box): void {
    this.now = box;
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
