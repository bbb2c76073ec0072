// The player: one state, the station and how far the packet is on its way to it, moved by one clock. It knows nothing of
// the page; what it shows, it shows through Screen.

/** One hop at normal speed, and how long play waits at a station before the next one, in milliseconds. */
export const HOP = 700;
export const WAIT = 1900;

export interface Screen {
  /** The station changed: everything but the packet's place. */
  show(index: number, tween: boolean): void;
  /** The packet is a share u of the way from the station before to this one. */
  move(index: number, u: number): void;
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
  frame(callback: () => void): number;
  cancel(id: number): void;
  /** The reader asked for less motion: stations change without a tween. */
  still(): boolean;
}

export class Player {
  index: number;
  speed = 1;
  isPlaying = false;
  private frameID = 0;
  private hopStart = 0;
  private stationSince = 0;
  private tweening = false;

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
    const forward = to === this.index + 1 && !this.timing.still();
    this.index = to;
    this.tweening = forward;
    this.hopStart = this.stationSince = this.timing.now();
    this.screen.show(to, forward);
    this.screen.move(to, forward ? 0 : 1);
    this.schedule();
  }

  next(): void {
    if (this.index < this.count - 1) this.go(this.index + 1);
  }

  previous(): void {
    if (this.index > 0) this.go(this.index - 1);
  }

  /** shows the station again, with the way to it: what was asked there has been answered. */
  again(): void {
    const run = !this.timing.still();
    this.tweening = run;
    this.hopStart = this.stationSince = this.timing.now();
    this.screen.show(this.index, run);
    this.screen.move(this.index, run ? 0 : 1);
    this.schedule();
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

  pause(): void {
    if (!this.isPlaying) return;
    this.isPlaying = false;
    this.screen.playing(false);
  }

  setSpeed(speed: number): void {
    const now = this.timing.now();
    // What has passed of this hop and this wait keeps its share under the new speed.
    this.hopStart = now - ((now - this.hopStart) * this.speed) / speed;
    this.stationSince = now - ((now - this.stationSince) * this.speed) / speed;
    this.speed = speed;
  }

  /** stops the clock for good: the page has another player. */
  dispose(): void {
    this.isPlaying = false;
    this.timing.cancel(this.frameID);
  }

  private schedule(): void {
    this.timing.cancel(this.frameID);
    if (this.tweening || this.isPlaying) this.frameID = this.timing.frame(() => this.tick());
  }

  private tick(): void {
    const now = this.timing.now();
    if (this.tweening) {
      const hop = HOP * (this.screen.length?.(this.index) ?? 1);
      const u = Math.min(1, (now - this.hopStart) / (hop / this.speed));
      this.screen.move(this.index, u);
      this.tweening = u < 1;
    }
    const wait = this.screen.dwell?.(this.index) ?? WAIT;
    if (this.isPlaying && now - this.stationSince >= wait / this.speed) {
      if (this.index >= this.count - 1 || this.screen.holds?.(this.index)) this.pause();
      else {
        this.go(this.index + 1, false);
        return;
      }
    }
    this.schedule();
  }
}

function clamp(i: number, count: number): number {
  return Math.max(0, Math.min(i, count - 1));
}
