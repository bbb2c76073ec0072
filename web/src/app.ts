// The page's script. Without it every station, switch and button is a link or a form; with it they act in place.

import { late } from "./late.ts";
import { LessonView } from "./lesson.ts";
import { NodeView } from "./node.ts";
import { takeOwn, unpack, watch } from "./own.ts";
import { Player, type Timing } from "./player.ts";
import { recall } from "./progress.ts";
import { asked, Room } from "./room.ts";
import { seal, unseal } from "./sealed.ts";
import { View } from "./view.ts";

declare const htmx: { process(el: Element): void };

const timing: Timing = {
  now: () => performance.now(),
  after: (ms, f) => setTimeout(f, ms),
  cancel: (id) => clearTimeout(id),
  still: () => matchMedia("(prefers-reduced-motion: reduce)").matches,
};

let player: Player | null = null;
let view: View | LessonView | null = null;
let lesson: LessonView | null = null;

/** starts the player on what the server rendered: at load, and whenever the work area was swapped. */
function start(): void {
  player?.dispose();
  player = view = lesson = null;
  const app = document.getElementById("app");
  for (const el of document.querySelectorAll<HTMLElement>("#b-play, #speed, #share, [data-copy], [data-seal]"))
    el.hidden = false;
  const pick = document.querySelector<HTMLDetailsElement>("#pickd");
  if (pick && !pick.dataset.seen) {
    pick.dataset.seen = "1";
    pick.open = !matchMedia("(max-width: 1180px)").matches;
  }
  if (!app?.querySelector("#dg .st") && !app?.dataset.lesson) return;
  if (app.dataset.lesson) lesson = new LessonView(app);
  view = lesson ?? new View(app);
  player = new Player(view.count, view.start, view, timing);
}

function onClick(ev: MouseEvent): void {
  if (ev.defaultPrevented || ev.button !== 0 || ev.metaKey || ev.ctrlKey || ev.shiftKey || ev.altKey) return;
  const target = ev.target as Element;
  const theme = target.closest<HTMLAnchorElement>("a[data-theme-to]");
  if (theme) {
    ev.preventDefault();
    switchTheme(theme.dataset.themeTo ?? "");
    return;
  }
  const screen = target.closest<HTMLAnchorElement>("a[data-project-to]");
  if (screen) {
    ev.preventDefault();
    project(screen.dataset.projectTo === "1");
    return;
  }
  if (target.closest("#share")) {
    void copy(location.href, document.getElementById("share"));
    return;
  }
  const sealing = target.closest<HTMLElement>("[data-seal]");
  if (sealing) {
    void seal(sealing, replace, toast);
    return;
  }
  const button = target.closest<HTMLElement>("[data-copy]");
  if (button) {
    const field = document.getElementById(button.dataset.copy ?? "") as HTMLTextAreaElement;
    field.select();
    void copy(field.value, button);
    return;
  }
  if (!player) return;
  const stop = target.closest<HTMLElement | SVGElement>("#app a[data-i]");
  const speed = target.closest<HTMLElement>("[data-speed]");
  const jump = target.closest("#b-first, #b-prev, #b-next, #b-last");
  if (lesson && onLessonClick(ev, target)) return;
  if (stop && !lesson) {
    ev.preventDefault();
    player.go(Number(stop.dataset.i));
  } else if (jump) {
    ev.preventDefault();
    move(jump.id);
  } else if (target.closest("#b-play")) {
    player.toggle();
  } else if (speed) {
    player.setSpeed(Number(speed.dataset.speed));
    for (const b of document.querySelectorAll("#speed button")) b.setAttribute("aria-pressed", String(b === speed));
  }
}

/** In a lesson answers, steps and those stations that a step is about act in place; everything else is a link. */
function onLessonClick(ev: MouseEvent, target: Element): boolean {
  if (!player || !lesson) return false;
  const answer = target.closest<HTMLElement>(".ask .opt");
  if (answer) {
    ev.preventDefault();
    lesson.answer(player.index, answer);
    player.again();
    return true;
  }
  const dot = target.closest<HTMLElement>(".ldot");
  const stop = target.closest<SVGElement>("#dg .st");
  const index = dot ? lesson.index(Number(dot.dataset.k)) : stop ? lesson.at(Number(stop.dataset.i)) : -1;
  if (index < 0) return false;
  ev.preventDefault();
  player.go(index);
  return true;
}

function move(id: string): void {
  if (!player) return;
  if (lesson) {
    moveInLesson(id, lesson, player);
    return;
  }
  if (id === "b-first") player.go(0);
  else if (id === "b-prev") player.previous();
  else if (id === "b-next") player.next();
  else player.go(player.count - 1);
}

/** A question that is open is answered before the lesson goes on. Steps with another trace are asked of the server. */
function moveInLesson(id: string, l: LessonView, p: Player): void {
  if (id === "b-next" && l.isOpen(p.index)) {
    l.answer(p.index, null);
    p.again();
    return;
  }
  const here = l.number(p.index);
  const to = { "b-first": 0, "b-prev": here - 1, "b-next": here + 1 }[id] ?? l.total - 1;
  if (to < 0 || to >= l.total) return;
  const index = l.index(to);
  if (index >= 0) p.go(index);
  else l.leave(to);
}

function onKey(ev: KeyboardEvent): void {
  if ((ev.key === "p" || ev.key === "P") && !ev.defaultPrevented && !ev.metaKey && !ev.ctrlKey && !ev.altKey) {
    if ((ev.target as Element).closest("input, select, textarea")) return;
    project(document.documentElement.dataset.project === undefined);
    ev.preventDefault();
    return;
  }
  if (!player || ev.defaultPrevented || ev.metaKey || ev.ctrlKey || ev.altKey) return;
  const target = ev.target as Element;
  if (target.closest("input, select, textarea")) return;
  switch (ev.key) {
    case "ArrowRight":
      move("b-next");
      break;
    case "ArrowLeft":
      move("b-prev");
      break;
    case "Home":
      move("b-first");
      break;
    case "End":
      move("b-last");
      break;
    case " ":
      if (target.closest("button, summary")) return;
      if (target.closest("a") && !target.closest(".st")) return;
      player.toggle();
      break;
    case "f":
    case "F":
      view?.fit();
      return;
    default:
      return;
  }
  ev.preventDefault();
}

/** Choosing "an IP address" is not a choice yet: the field for it gets the focus and nothing is asked. */
function onChange(ev: Event): void {
  const select = (ev.target as Element).closest<HTMLSelectElement>(".place select");
  if (select?.value !== "") return;
  const field = select.parentElement?.querySelector<HTMLInputElement>(".addr");
  if (field && field.value.trim() === "") {
    ev.stopPropagation();
    field.focus();
  }
}

function switchTheme(theme: string): void {
  document.documentElement.dataset.theme = theme;
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is not everywhere
  document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax`;
  const url = new URL(location.href);
  if (url.searchParams.has("theme")) {
    url.searchParams.set("theme", theme);
    history.replaceState(history.state, "", url);
  }
  const other = theme === "dark" ? ".to-light" : ".to-dark";
  document.querySelector<HTMLElement>(other)?.focus();
}

/** shows the page to a room: large, without what stands around it, and on the whole screen where the browser lets it. */
function project(on: boolean): void {
  const root = document.documentElement;
  if (on) root.dataset.project = "";
  else delete root.dataset.project;
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is not everywhere
  document.cookie = `project=${on ? "1" : ""}; path=/; samesite=lax${on ? "" : "; max-age=0"}`;
  const url = new URL(location.href);
  if (url.searchParams.has("project")) {
    url.searchParams.delete("project");
    history.replaceState(history.state, "", url);
  }
  const screen = on ? root.requestFullscreen?.() : document.fullscreenElement && document.exitFullscreen();
  if (screen) screen.catch(() => {}); // a browser that does not want to: the page is large all the same
  view?.refit();
  document.querySelector<HTMLElement>(on ? ".unproject" : ".project")?.focus({ preventScroll: true });
}

/** copies a text; the button has the words for what came of it. */
async function copy(text: string, button: HTMLElement | null): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    toast(button?.dataset.copied ?? "");
  } catch {
    toast(button?.dataset.failed ?? "");
  }
}

function toast(text: string): void {
  const el = document.createElement("div");
  el.className = "toast";
  el.setAttribute("role", "status");
  el.textContent = text;
  document.body.append(el);
  setTimeout(() => el.remove(), 2200);
}

document.addEventListener("click", onClick);
document.addEventListener("keydown", onKey);
document.addEventListener("change", onChange, true);
// While the server is asked, the boxes keep their place: what will change is grey, and who hears the page is told.
function busy(on: boolean): void {
  const app = document.getElementById("app");
  if (!app) return;
  if (on) app.setAttribute("aria-busy", "true");
  else app.removeAttribute("aria-busy");
  const live = document.getElementById("live");
  if (on && live) live.textContent = app.dataset.busy ?? "";
}
// htmx looks through every element that it is shown, each link twice; what it has to do here says so with hx-get.
document.addEventListener("htmx:before:process", (ev) => {
  const shown = ev.target as Element;
  if (shown.matches("[hx-get]")) return;
  ev.preventDefault();
  for (const el of shown.querySelectorAll("[hx-get]")) htmx.process(el);
});
/** What is folded up is built when it is opened. */
function onToggle(ev: Event): void {
  const held = (ev.target as Element).querySelector(":scope > noscript");
  if (held) late(held);
}
document.addEventListener("toggle", onToggle, true);
document.addEventListener("htmx:before:request", () => busy(true));
document.addEventListener("htmx:finally:request", () => busy(false));
// Another trace has another address: a room hears of it as of a step (room.ts).
document.addEventListener("htmx:after:history:update", () => document.dispatchEvent(new Event("podpath:step")));
document.addEventListener("htmx:after:swap", () => {
  start();
  const title = document.getElementById("app")?.dataset.title;
  if (title) document.title = `${title} · podpath`;
});
addEventListener("resize", () => view?.refit());
/** begins with the page as it is: once, or twice where it came by way of another. */
function begin(): void {
  recall();
  start();
  takeOwn();
  const node = document.getElementById("node");
  if (node) new NodeView(node);
}
begin();
watch();
const room = document.getElementById("room");
if (room) new Room(room);
addEventListener("message", (ev) => {
  const index = asked(ev);
  if (index >= 0) player?.go(index);
});
/** shows another page in this one's place. */
function replace(page: Document): void {
  document.title = page.title;
  document.body.replaceWith(page.body);
  begin();
  htmx.process(document.body);
}
void unpack(replace);
void unseal(replace);
