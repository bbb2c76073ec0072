// The player: one state, the station, and the time at which play goes on to the next. It knows nothing of the page; what
// it shows, it shows through Screen.

/** One hop at normal speed, and how long play waits at a station before the next one, in milliseconds. */
export const HOP = 700;
export const WAIT = 1900;

export interface Screen {
  /** The station changed: everything but the packet's place. */
  show(index: number, tween: boolean): void;
  /** The packet sets out to this station from the one before, and takes so many milliseconds at normal speed; 0: it is there. */
  run(index: number, ms: number): void;
  /** What runs, and what will, does so at this speed; 1 is normal. */
  pace(speed: number): void;
  /** Play started or stopped. */
  playing(on: boolean): void;
  /** How many hops' time the way to a station takes; one where nothing says otherwise. */
  length?(index: number): number;
  /** How long play waits there, in milliseconds at normal speed; WAIT where nothing says otherwise. */
  dwell?(index: number): number;
  /** Play stops there: the reader is asked something. */
  holds?(index: number): boolean;
}

export interface Timing {
  now(): number;
  after(ms: number, callback: () => void): number;
  cancel(id: number): void;
  /** The reader asked for less motion: stations change without a tween. */
  still(): boolean;
}

export class Player {
  index: number;
  speed = 1;
  isPlaying = false;
  private timer = 0;
  private stationSince = 0;

  constructor(
    readonly count: number,
    start: number,
    private readonly screen: Screen,
    private readonly timing: Timing,
  ) {
    this.index = clamp(start, count);
  }

  /** goes to a station. One step forward runs along the line; every other jump is immediate. */
  go(index: number, stop = true): void {
    if (stop) this.pause();
    const to = clamp(index, this.count);
    const forward = to === this.index + 1;
    this.index = to;
    this.enter(forward);
  }

  next(): void {
    if (this.index < this.count - 1) this.go(this.index + 1);
  }

  previous(): void {
    if (this.index > 0) this.go(this.index - 1);
  }

  /** shows the station again, with the way to it: what was asked there has been answered. */
  again(): void {
    this.enter(true);
  }

  toggle(): void {
    if (this.isPlaying) this.pause();
    else this.play();
  }

  play(): void {
    if (this.isPlaying || this.count < 2) return;
    this.isPlaying = true;
    this.screen.playing(true);
    this.go(this.index === this.count - 1 ? 0 : this.index + 1, false);
  }

  /** What is on its way arrives; nothing follows. */
  pause(): void {
    if (!this.isPlaying) return;
    this.isPlaying = false;
    this.timing.cancel(this.timer);
    this.screen.playing(false);
  }

  setSpeed(speed: number): void {
    const now = this.timing.now();
    // What has passed of this wait keeps its share under the new speed.
    this.stationSince = now - ((now - this.stationSince) * this.speed) / speed;
    this.speed = speed;
    this.screen.pace(speed);
    this.schedule();
  }

  /** stops the clock for good: the page has another player. */
  dispose(): void {
    this.isPlaying = false;
    this.timing.cancel(this.timer);
  }

  private enter(forward: boolean): void {
    const run = forward && !this.timing.still();
    this.stationSince = this.timing.now();
    this.screen.show(this.index, run);
    this.screen.run(this.index, run ? HOP * (this.screen.length?.(this.index) ?? 1) : 0);
    this.schedule();
  }

  private schedule(): void {
    this.timing.cancel(this.timer);
    if (!this.isPlaying) return;
    const wait = (this.screen.dwell?.(this.index) ?? WAIT) / this.speed;
    const left = wait - (this.timing.now() - this.stationSince);
    this.timer = this.timing.after(Math.max(0, left), () => this.proceed());
  }

  private proceed(): void {
    if (this.index >= this.count - 1 || this.screen.holds?.(this.index)) this.pause();
    else this.go(this.index + 1, false);
  }
}

function clamp(i: number, count: number): number {
  return Math.max(0, Math.min(i, count - 1));
}
