// The page's script. Without it every station, switch and button is a link or a form; with it they act in place.

import { Player, type Timing } from "./player.ts";
import { View } from "./view.ts";

const timing: Timing = {
  now: () => performance.now(),
  frame: (f) => requestAnimationFrame(f),
  cancel: (id) => cancelAnimationFrame(id),
  still: () => matchMedia("(prefers-reduced-motion: reduce)").matches,
};

let player: Player | null = null;
let view: View | null = null;

/** starts the player on what the server rendered: at load, and whenever the work area was swapped. */
function start(): void {
  player?.dispose();
  player = view = null;
  const app = document.getElementById("app");
  for (const el of document.querySelectorAll<HTMLElement>("#b-play, #speed, #share")) el.hidden = false;
  const pick = document.querySelector<HTMLDetailsElement>("#pickd");
  if (pick && !pick.dataset.seen) {
    pick.dataset.seen = "1";
    pick.open = !matchMedia("(max-width: 1180px)").matches;
  }
  if (!app?.querySelector("#dg .st")) return;
  view = new View(app);
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
  if (target.closest("#share")) {
    void share();
    return;
  }
  if (!player) return;
  const stop = target.closest<HTMLElement | SVGElement>("#app a[data-i]");
  const speed = target.closest<HTMLElement>("[data-speed]");
  const jump = target.closest("#b-first, #b-prev, #b-next, #b-last");
  if (stop) {
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

function move(id: string): void {
  if (!player) return;
  if (id === "b-first") player.go(0);
  else if (id === "b-prev") player.previous();
  else if (id === "b-next") player.next();
  else player.go(player.count - 1);
}

function onKey(ev: KeyboardEvent): void {
  if (!player || ev.defaultPrevented || ev.metaKey || ev.ctrlKey || ev.altKey) return;
  const target = ev.target as Element;
  if (target.closest("input, select, textarea")) return;
  switch (ev.key) {
    case "ArrowRight":
      player.next();
      break;
    case "ArrowLeft":
      player.previous();
      break;
    case "Home":
      player.go(0);
      break;
    case "End":
      player.go(player.count - 1);
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

async function share(): Promise<void> {
  const button = document.getElementById("share");
  try {
    await navigator.clipboard.writeText(location.href);
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
document.addEventListener("htmx:after:swap", () => {
  start();
  const title = document.getElementById("app")?.dataset.title;
  if (title) document.title = `${title} · podpath`;
});
addEventListener("resize", () => view?.refit());
start();
