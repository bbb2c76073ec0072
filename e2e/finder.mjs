// The finder: which text of a page lies on other text, is cut off, or sticks out of what it belongs to. It looks at what
// is drawn, letter box by letter box, and not at how the page means it; layout.mjs shows with planted faults that it finds
// them.

/** What cuts text on purpose: a way to read all of it is given elsewhere. */
const deliberate = [
  ".cc .tx code", // a cell's address on the compare page: the whole of it is in the trace that the cell leads to
  ".ldot span", // a step's name under its dot: the step has it as its heading
  "#pickd > summary b", // the folded form's summary: the form has it
];

/** faults runs in the page. Its answer is a list of sentences; or, asked for them, the lines of text with their colours. */
function faults([cutOnPurpose, wantLines]) {
  const out = new Set();
  const styles = new Map();
  const style = (e) => {
    let s = styles.get(e);
    if (!s) {
      s = getComputedStyle(e);
      styles.set(e, s);
    }
    return s;
  };
  const say = (s) => JSON.stringify(s.trim().replace(/\s+/g, " ").slice(0, 40));
  const name = (e) =>
    `${e.localName}${e.id ? `#${e.id}` : ""}${[...e.classList].map((c) => `.${c}`).join("")}`.slice(0, 40);
  const isSVG = (e) => e instanceof SVGElement;
  const alpha = (colour) => {
    const m = /^(?:rgba|color)\(.*?[,/] ?([\d.]+)\)$/.exec(colour);
    if (colour === "transparent" || colour === "none") return 0;
    return m && /rgba|\//.test(colour) ? Number(m[1]) : 1;
  };
  const boxes = new Map();
  const box = (e) => {
    let b = boxes.get(e);
    if (!b) {
      b = e.getBoundingClientRect();
      boxes.set(e, b);
    }
    return b;
  };

  /** Where an element cuts what is in it: the box, and whether it does so in each direction, and by scrolling. */
  const cuts = new Map();
  const cutsOf = (e) => {
    if (cuts.has(e)) return cuts.get(e);
    let cut = null;
    const s = style(e);
    if (isSVG(e) && e.localName === "svg") {
      if (s.overflowX !== "visible") {
        // An svg in another has no box of its own: its viewport is in its parent's coordinates.
        let b;
        if (e.ownerSVGElement) {
          const m = e.parentNode.getScreenCTM();
          const [x, y, w, h] = ["x", "y", "width", "height"].map((k) => e[k].baseVal.value);
          b = { left: x * m.a + m.e, right: (x + w) * m.a + m.e, top: y * m.d + m.f, bottom: (y + h) * m.d + m.f };
        } else b = box(e);
        cut = { left: b.left, right: b.right, top: b.top, bottom: b.bottom, x: "hide", y: "hide" };
      }
    } else if (e.matches(".map")) {
      // A map that shows less than it has follows the packet: what is outside is elsewhere, not cut.
      const dg = e.querySelector("#dg");
      const how = dg.viewBox.baseVal.width < Number(dg.dataset.w) - 1 ? "scroll" : "hide";
      const b = box(e);
      cut = { left: b.left, right: b.right, top: b.top, bottom: b.bottom, x: how, y: how };
    } else if (!isSVG(e) && (s.overflowX !== "visible" || s.overflowY !== "visible") && s.display !== "inline") {
      const b = box(e);
      const how = (o, size, room) =>
        o === "visible" ? "" : o === "auto" || o === "scroll" ? (size > room ? "scroll" : "") : "hide";
      const left = b.left + e.clientLeft;
      const top = b.top + e.clientTop;
      cut = {
        left,
        right: left + e.clientWidth,
        top,
        bottom: top + e.clientHeight,
        x: how(s.overflowX, e.scrollWidth, e.clientWidth),
        y: how(s.overflowY, e.scrollHeight, e.clientHeight),
      };
      if (cut.y === "scroll" && e.clientHeight < 24 && box(e).height > 0)
        out.add(`${name(e)} scrolls in ${e.clientHeight} pixels`);
      if (!cut.x && !cut.y) cut = null;
    }
    cuts.set(e, cut);
    return cut;
  };

  /** Whether an element is drawn as a box, so that text that leaves it is seen to leave it. */
  const paints = new Map();
  const painted = (e) => {
    if (paints.has(e)) return paints.get(e);
    const s = style(e);
    const edge = ["Top", "Right", "Bottom", "Left"].filter(
      (k) => parseFloat(s[`border${k}Width`]) > 0 && alpha(s[`border${k}Color`]) > 0.05,
    );
    const is = edge.length > 1 || alpha(s.backgroundColor) > 0.05 || s.boxShadow !== "none" || e.localName === "button";
    paints.set(e, is);
    return is;
  };

  /** The layer that an element is in: what is fixed or sticky lies over the rest on purpose. */
  const layers = new Map();
  const layer = (e) => {
    if (!e) return null;
    if (!layers.has(e)) layers.set(e, /fixed|sticky/.test(style(e).position) ? e : layer(e.parentElement));
    return layers.get(e);
  };

  const visible = new Map();
  const seen = (e) => {
    if (!visible.has(e)) {
      let is =
        e.checkVisibility({ visibilityProperty: true, opacityProperty: true, contentVisibilityAuto: true }) &&
        !e.closest(".vh, .skip, script, style, noscript, option, title, desc, template");
      // Chromium takes what is in a part of a drawing that is not displayed for visible.
      for (let p = e; is && p && isSVG(p); p = p.parentElement) is = style(p).display !== "none";
      visible.set(e, is);
    }
    return visible.get(e);
  };

  /** What is left of a line where it is cut; what is cut and not by scrolling is a fault. */
  const clip = (line, from, text) => {
    let r = line;
    for (let e = from; e && e !== document.body; e = e.parentElement) {
      const c = cutsOf(e);
      if (c) {
        const x = c.x ? [Math.max(r.left, c.left), Math.min(r.right, c.right)] : [r.left, r.right];
        const y = c.y ? [Math.max(r.top, c.top), Math.min(r.bottom, c.bottom)] : [r.top, r.bottom];
        if ((c.x === "scroll" && x[1] - x[0] < 1) || (c.y === "scroll" && y[1] - y[0] < 1)) return null;
        const lost = Math.max(
          c.x === "hide" ? r.right - r.left - (x[1] - x[0]) : 0,
          c.y === "hide" ? r.bottom - r.top - (y[1] - y[0]) : 0,
        );
        if (lost > 1 && !e.closest(cutOnPurpose))
          out.add(`${say(text)} is cut by ${lost.toFixed(0)} pixels in ${name(e)}`);
        if (x[1] - x[0] < 1 || y[1] - y[0] < 1) return null;
        r = { left: x[0], right: x[1], top: y[0], bottom: y[1] };
      }
      // A box that is placed apart is cut by what it is placed in only; nothing here is placed out of a scroller.
      if (!isSVG(e) && style(e).position === "fixed") break;
    }
    return r;
  };

  /** What text must not leave: every drawn box around it, up to where the page scrolls. */
  const inside = (line, from, text) => {
    for (let e = from; e && e !== document.body; e = e.parentElement) {
      if (isSVG(e)) {
        // What a drawing cuts, or leaves to its camera, has been seen to by clip.
        if (e.localName === "svg" && (cutsOf(e) || e.closest(".map"))) return;
        if (e.localName === "svg") continue;
        const rect = e.localName === "text" || e.localName === "tspan" ? null : e.querySelector(":scope > rect");
        // A station's number is in its circle, which has no room to leave; its name is on the tag, where that is drawn.
        if (!rect || from.classList.contains("n")) continue;
        const s = style(rect);
        if (s.display === "none" || (alpha(s.fill) < 0.05 && (s.stroke === "none" || parseFloat(s.strokeWidth) === 0)))
          continue;
        const b = box(rect);
        if (line.left < b.left - 1 || line.right > b.right + 1 || line.top < b.top - 1 || line.bottom > b.bottom + 1) {
          out.add(`${say(text)} leaves the box of ${name(e)}`);
        }
        return;
      }
      const c = cutsOf(e);
      if (style(e).display !== "inline" && painted(e)) {
        const b = box(e);
        const x = !c?.x && (line.left < b.left - 1 || line.right > b.right + 1);
        const y = !c?.y && (line.top < b.top - 1 || line.bottom > b.bottom + 1);
        if (x || y) {
          out.add(`${say(text)} leaves ${name(e)}`);
          return;
        }
      }
      if (c) return;
      if (/absolute|fixed/.test(style(e).position)) break;
    }
    if (line.right > document.documentElement.clientWidth + 1 || line.left < -1)
      out.add(`${say(text)} is off the screen`);
  };

  /** A word that is broken for lack of room. What is not a word, such as an address or a command, may break anywhere. */
  const broken = (n, e) => {
    if (/mono/i.test(style(e).fontFamily)) return;
    const word = document.createRange();
    for (const m of n.data.matchAll(/(?<![\w./:@=-])[A-Za-z]{2,18}(?![\w./:@=-])|[가-힣]{2,6}(?![\w가-힣])/g)) {
      word.setStart(n, m.index);
      word.setEnd(n, m.index + m[0].length);
      const tops = [...word.getClientRects()].filter((r) => r.width > 0).map((r) => r.top);
      if (tops.some((t) => Math.abs(t - tops[0]) > 4)) out.add(`"${m[0]}" is broken in ${name(e)}`);
    }
  };

  const lines = [];
  const range = document.createRange();
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n = walk.nextNode(); n; n = walk.nextNode()) {
    const text = n.data;
    if (!text.trim()) continue;
    const e = n.parentElement;
    if (!seen(e)) continue;
    range.selectNodeContents(n);
    const rects = [...range.getClientRects()];
    if (rects.length > 1 && !isSVG(e)) broken(n, e);
    for (const r of rects) {
      if (r.width < 1 || r.height < 1) continue;
      // A line's box has room above and below its letters.
      const line = {
        left: r.left + 0.5,
        right: r.right - 0.5,
        top: r.top + r.height * 0.2,
        bottom: r.bottom - r.height * 0.2,
      };
      const left = clip(line, e, text);
      if (!left) continue;
      inside(line, e, text);
      const whole = left.bottom - left.top > (line.bottom - line.top) * 0.9;
      lines.push({ ...left, text, n, e, whole });
    }
  }

  // What is drawn where text should not be: the circles of stations. The packet may cover the name of the interface that
  // it goes through; its flag, which is text, may not.
  for (const e of document.querySelectorAll("#dg .st circle, #dg .st .oct")) {
    if (!seen(e)) continue;
    const { left, right, top, bottom, width } = box(e);
    if (width < 5) continue;
    const c = clip(
      { left: left + 2, right: right - 2, top: top + 2, bottom: bottom - 2 },
      e.ownerSVGElement,
      name(e.parentElement),
    );
    if (c) lines.push({ ...c, text: name(e.parentElement), n: null, e });
  }

  if (wantLines) {
    const inFront = ({ left, right, top, bottom, e }) => {
      const [hit] = document.elementsFromPoint((left + right) / 2, (top + bottom) / 2);
      return !hit || layer(hit) === layer(e);
    };
    // The packet stands on its station: the number under it is not meant to be read.
    const packet = [...document.querySelectorAll("#pk .body, #pk .wrap")].filter(seen).map(box);
    const under = ({ left, right, top, bottom, e }) =>
      e.matches("#dg .n") &&
      packet.some((b) => left < b.right + 2 && right > b.left - 2 && top < b.bottom + 2 && bottom > b.top - 2);
    const opacity = (e) => (e ? Number(style(e).opacity) * opacity(e.parentElement) : 1);
    const fields = [...document.querySelectorAll("input:not([type=radio], [type=checkbox]), select")].filter(seen);
    for (const e of fields) {
      const { left, right, top, bottom } = box(e);
      const c = clip({ left: left + 8, right: right - 24, top: top + 8, bottom: bottom - 8 }, e.parentElement, "");
      if (c)
        lines.push({
          ...c,
          text: e.value || e.placeholder,
          n: e,
          e,
          whole: true,
          pseudo: e.value ? "" : "::placeholder",
        });
    }
    // Of what scrolls out of sight an edge of its letters says nothing.
    return lines
      .filter(
        (l) => l.whole && l.text?.trim() && !l.e.closest("[aria-disabled=true], :disabled") && inFront(l) && !under(l),
      )
      .map((l) => {
        const s = l.pseudo ? getComputedStyle(l.e, l.pseudo) : style(l.e);
        const { left, right, top, bottom } = l;
        const colour = isSVG(l.e) ? s.fill : s.webkitTextFillColor;
        return { left, right, top, bottom, colour, opacity: opacity(l.e), text: `${say(l.text)} in ${name(l.e)}` };
      });
  }

  lines.sort((a, b) => a.top - b.top);
  for (const [i, a] of lines.entries())
    for (let k = i + 1; k < lines.length; k++) {
      const b = lines[k];
      if (b.top >= a.bottom - 1) break;
      if (a.n === b.n || a.right - b.left <= 1 || b.right - a.left <= 1) continue;
      if (layer(a.e) !== layer(b.e) && !(layer(a.e) && layer(b.e))) continue;
      if (!a.n || !b.n) {
        const [shape, other] = a.n ? [b, a] : [a, b];
        if (shape.e.parentElement === other.e.parentElement) continue; // a station has its number
      }
      out.add(`${say(a.text)} lies on ${say(b.text)}`);
    }

  for (const f of document.querySelectorAll("input, select")) {
    if (!seen(f) || f === document.activeElement) continue;
    if (f.localName === "input" && f.scrollWidth > f.clientWidth + 1)
      out.add(`${say(f.value || f.placeholder)} is cut in its field`);
    if (f.localName === "select" && style(f).textOverflow !== "ellipsis" && f.selectedOptions[0]) {
      const s = style(f);
      const canvas = new OffscreenCanvas(1, 1).getContext("2d");
      canvas.font = `${s.fontWeight} ${s.fontSize} ${s.fontFamily}`;
      const room = f.clientWidth - parseFloat(s.paddingLeft) - parseFloat(s.paddingRight);
      const label = f.selectedOptions[0].textContent.trim();
      if (canvas.measureText(label).width > room) out.add(`${say(label)} is cut in its list`);
    }
  }
  const over = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (over > 0) out.add(`the page is ${over} pixels wider than the screen`);
  return [...out];
}

/** What is wrong with the text of a page as it is now. */
export function find(page) {
  return page.evaluate(faults, [deliberate.join(", "), false]);
}

/** The lines of text that a page shows now, with the colour of each. */
export function lines(page) {
  return page.evaluate(faults, [deliberate.join(", "), true]);
}
