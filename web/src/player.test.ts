import assert from "node:assert/strict";
import { test } from "node:test";
import { frame } from "./camera.ts";
import { at, ease, join, sample } from "./path.ts";
import { HOP, Player, type Screen, type Timing, WAIT } from "./player.ts";

/** A clock that is run by hand, and a screen that writes down what it is told. */
function rig(count: number, start = 0, still = false, more: Partial<Screen> = {}) {
  let now = 0;
  let id = 0;
  const timers = new Map<number, [number, () => void]>();
  const log: string[] = [];
  const runs: [number, number][] = [];
  const screen: Screen = {
    show: (i, tween) => log.push(`show ${i}${tween ? " tween" : ""}`),
    run: (i, ms) => runs.push([i, ms]),
    pace: (speed) => log.push(`pace ${speed}`),
    playing: (on) => log.push(on ? "play" : "pause"),
    ...more,
  };
  const timing: Timing = {
    now: () => now,
    after: (ms, f) => {
      timers.set(++id, [now + ms, f]);
      return id;
    },
    cancel: (n) => timers.delete(n),
    still: () => still,
  };
  const run = (ms: number) => {
    const end = now + ms;
    for (;;) {
      const next = [...timers].sort((a, b) => a[1][0] - b[1][0])[0];
      if (!next || next[1][0] > end) break;
      timers.delete(next[0]);
      now = next[1][0];
      next[1][1]();
    }
    now = end;
  };
  return { player: new Player(count, start, screen, timing), log, runs, run, pending: () => timers.size };
}

test("a step forward runs along the line", () => {
  const r = rig(5);
  r.player.next();
  assert.deepEqual(r.log, ["show 1 tween"]);
  assert.deepEqual(r.runs, [[1, HOP]]);
  assert.equal(r.pending(), 0, "the clock rests when nothing plays");
});

test("jumps and steps back do not run", () => {
  const r = rig(9, 3);
  for (const go of [() => r.player.go(7), () => r.player.previous(), () => r.player.go(0)]) {
    go();
    assert.equal(r.runs.at(-1)?.[1], 0);
  }
  assert.deepEqual(r.log, ["show 7", "show 6", "show 0"]);
});

test("the ends hold", () => {
  const r = rig(3);
  r.player.previous();
  r.player.go(99);
  r.player.next();
  assert.equal(r.player.index, 2);
  assert.deepEqual(r.log, ["show 2"]);
});

test("play goes to the end and stops there; from the end it starts over", () => {
  const r = rig(4);
  r.player.play();
  r.run(WAIT * 5);
  assert.deepEqual(r.log, ["play", "show 1 tween", "show 2 tween", "show 3 tween", "pause"]);
  assert.equal(r.pending(), 0);
  r.player.play();
  assert.equal(r.log.at(-1), "show 0");
});

test("play can be paused, and a step by hand pauses it", () => {
  const r = rig(9);
  r.player.toggle();
  r.run(WAIT + 50);
  r.player.toggle();
  r.run(WAIT * 3);
  assert.equal(r.player.index, 2);
  r.player.play();
  r.player.previous();
  assert.equal(r.player.isPlaying, false);
});

test("speed changes the wait, and what has passed of it keeps its share", () => {
  const r = rig(9);
  r.player.play();
  r.run(WAIT / 2);
  r.player.setSpeed(2);
  assert.equal(r.log.at(-1), "pace 2");
  r.run(WAIT / 4 - 1);
  assert.equal(r.player.index, 1);
  r.run(1);
  assert.equal(r.player.index, 2);
  r.player.setSpeed(0.5);
  r.run(WAIT * 2 - 1);
  assert.equal(r.player.index, 2);
  r.run(1);
  assert.equal(r.player.index, 3);
  assert.ok(
    r.runs.every(([, ms]) => ms === HOP),
    "a hop's time is the normal one: the pace is the screen's",
  );
});

test("less motion: no tween, and play still plays", () => {
  const r = rig(3, 0, true);
  r.player.play();
  r.run(WAIT * 3);
  assert.deepEqual(r.log, ["play", "show 1", "show 2", "pause"]);
  assert.ok(r.runs.every((m) => m[1] === 0));
});

test("a disposed player is silent", () => {
  const r = rig(5);
  r.player.play();
  r.player.dispose();
  const n = r.log.length;
  r.run(WAIT * 3);
  assert.equal(r.log.length, n);
});

test("a sampled path gives its ends and its middle", () => {
  const table = sample({ getTotalLength: () => 100, getPointAtLength: (l) => ({ x: l, y: 2 * l }) }, 10);
  assert.deepEqual(at(table, 0), { x: 0, y: 0 });
  assert.deepEqual(at(table, 1), { x: 100, y: 200 });
  assert.deepEqual(at(table, 0.55), { x: 55, y: 110 });
  assert.deepEqual(at(table, -1), at(table, 0));
  assert.deepEqual(at(new Float32Array([4, 5]), 0.3), { x: 4, y: 5 });
});

test("ease starts at 0, ends at 1 and never turns back", () => {
  assert.equal(ease(0), 0);
  assert.equal(ease(1), 1);
  for (let u = 0; u < 1; u += 0.01) assert.ok(ease(u + 0.01) >= ease(u));
});

test("the camera's window stays on the map", () => {
  for (const x of [0, 64, 246, 420, 470, 840]) {
    for (const y of [0, 100, 500, 732]) {
      const [left, top, w, h] = frame({ x, y }, 840, 732);
      assert.ok(left >= 0 && top >= 0 && left + w <= 840 && top + h <= 732);
      assert.ok(y >= top && y <= top + h, `${x},${y} is in sight`);
    }
  }
});

test("a long way takes its own time, and play waits as long as a step is to be read", () => {
  const r = rig(4, 0, false, { length: (i) => (i === 1 ? 3 : 1), dwell: (i) => (i === 1 ? 5000 : WAIT) });
  r.player.play();
  assert.deepEqual(r.runs, [[1, 3 * HOP]]);
  r.run(4999);
  assert.equal(r.player.index, 1);
  r.run(1);
  assert.equal(r.player.index, 2);
});

test("play stops where the reader is asked something, and the answer runs the way", () => {
  let open = true;
  const r = rig(4, 0, false, { holds: (i) => open && i === 1 });
  r.player.play();
  r.run(HOP + WAIT * 3);
  assert.equal(r.player.index, 1);
  assert.equal(r.player.isPlaying, false);
  open = false;
  r.runs.length = 0;
  r.player.again();
  assert.deepEqual(r.runs, [[1, HOP]]);
});

test("ways join end to end", () => {
  const t = join([new Float32Array([0, 0, 10, 0]), new Float32Array([10, 0, 10, 10])]);
  assert.deepEqual(at(t, 0), { x: 0, y: 0 });
  assert.deepEqual(at(t, 1), { x: 10, y: 10 });
});
