// A path sampled once into a table, so that a frame of the animation is a look-up and not a walk along the curve.

export interface Point {
  x: number;
  y: number;
}

/** What is needed of an SVGPathElement. */
export interface Measurable {
  getTotalLength(): number;
  getPointAtLength(length: number): Point;
}

export type Table = Float32Array;

/** samples points at equal distances, both ends included. */
export function sample(path: Measurable, step = 3): Table {
  const length = path.getTotalLength();
  const n = Math.max(1, Math.ceil(length / step));
  const table = new Float32Array((n + 1) * 2);
  for (let i = 0; i <= n; i++) {
    const p = path.getPointAtLength((length * i) / n);
    table[i * 2] = p.x;
    table[i * 2 + 1] = p.y;
  }
  return table;
}

/** The point at a share u of the way, 0 to 1. */
export function at(table: Table, u: number): Point {
  const last = table.length / 2 - 1;
  const f = Math.min(Math.max(u, 0), 1) * last;
  const i = Math.min(Math.floor(f), Math.max(last - 1, 0));
  const k = f - i;
  const read = (j: number) => table[Math.min(j, table.length - 1)] ?? 0;
  const x = read(i * 2);
  const y = read(i * 2 + 1);
  if (last === 0) return { x, y };
  return { x: x + (read(i * 2 + 2) - x) * k, y: y + (read(i * 2 + 3) - y) * k };
}

/** Slow, fast, slow. */
export function ease(u: number): number {
  return u < 0.5 ? 4 * u * u * u : 1 - (-2 * u + 2) ** 3 / 2;
}

/** join puts ways behind each other. */
export function join(tables: readonly Table[]): Table {
  const out = new Float32Array(tables.reduce((n, t) => n + t.length, 0));
  let at = 0;
  for (const t of tables) {
    out.set(t, at);
    at += t.length;
  }
  return out;
}
