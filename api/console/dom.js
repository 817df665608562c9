// Build and refresh DOM without markup strings, so that no text from the outside is ever read as HTML.

const AS_PROPERTY = new Set(["value", "checked", "disabled", "hidden", "open", "selected"]);

/** An element. `props`: attributes, `class`, `dataset`, form properties, and `onclick`-like listeners. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (AS_PROPERTY.has(name)) element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(2).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Put new children into `parent`; the keyboard stays where it was (elements are known by `data-focus`). */
export function fill(parent, ...children) {
  const active = document.activeElement;
  const held = parent.contains(active) ? active.dataset.focus : undefined;
  parent.replaceChildren(...children.flat(2).filter((child) => child !== null && child !== undefined && child !== false));
  if (held) parent.querySelector(`[data-focus="${CSS.escape(held)}"]`)?.focus({ preventScroll: true });
}

/** Call `action` every `ms` while the page is looked at, until `signal` aborts. */
export function every(ms, action, signal) {
  const timer = setInterval(() => document.hidden || action(), ms);
  signal.addEventListener("abort", () => clearInterval(timer));
}

/** A function that runs `action` at most once per `ms`; a call in between is made up for at the end. */
export function atMostEvery(ms, action, signal) {
  let last = -Infinity;
  let timer;
  signal.addEventListener("abort", () => clearTimeout(timer));
  return () => {
    if (timer !== undefined || signal.aborted) return;
    const wait = Math.max(0, last + ms - performance.now());
    timer = setTimeout(() => {
      timer = undefined;
      last = performance.now();
      action();
    }, wait);
  };
}
