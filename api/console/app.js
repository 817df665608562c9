// Start, sign-in state, the frame around the pages, and which page an address shows.

import { Problem, get, send, session } from "./api.js";
import { every, fill, h } from "./dom.js";
import { tick } from "./format.js";
import { LANGUAGES, language, learn, remember, speak, t } from "./i18n.js";
import { live } from "./live.js";
import { failed } from "./parts.js";
import alert from "./pages/alert.js";
import alerts from "./pages/alerts.js";
import enterprise from "./pages/enterprise.js";
import gaps from "./pages/gaps.js";
import instruments from "./pages/instruments.js";
import notices from "./pages/notices.js";
import overview from "./pages/overview.js";
import point from "./pages/point.js";
import quality from "./pages/quality.js";
import reviews from "./pages/reviews.js";
import rule from "./pages/rule.js";
import rules from "./pages/rules.js";
import signIn from "./pages/signin.js";

const ROUTES = [
  [/^\/$/, overview],
  [/^\/enterprises\/([^/]+)$/, enterprise],
  [/^\/metering-points\/([^/]+)\/([^/]+)$/, point],
  [/^\/alerts$/, alerts],
  [/^\/alerts\/(\d+)$/, alert],
  [/^\/gaps$/, gaps],
  [/^\/notices$/, notices],
  [/^\/rules$/, rules],
  [/^\/rules\/([^/]+)$/, rule],
  [/^\/quality$/, quality],
  [/^\/instruments$/, instruments],
  [/^\/reviews$/, reviews],
];

const app = document.getElementById("app");
let who = null;
let page = new AbortController();
let target = "#/";

/** Show the page of the address. A page gets its place, the parts of the path, the query and a signal that ends it. */
function route() {
  page.abort();
  page = new AbortController();
  const [path, query] = (location.hash.slice(1) || "/").split("?");
  if (!who) return showSignIn();
  const [match, show] = ROUTES.map(([form, shown]) => [form.exec(path), shown]).find(([found]) => found) ?? [];
  const place = h("main", { id: "main", tabindex: "-1" });
  document.title = t("app.name");
  fill(app, h("a", { class: "skip", href: "#main", onclick: skip }, t("nav.skip")), header(path), place);
  scrollTo(0, 0);
  if (!match) return fill(place, failed(new Problem(404, { title: t("state.nopage") })));
  show(place, match.slice(1).map(decodeURIComponent), new URLSearchParams(query), page.signal);
}

function skip(event) {
  event.preventDefault();
  document.getElementById("main").focus();
}

function header(path) {
  const link = (href, text, current) => h("a", { href, "aria-current": current ? "page" : undefined }, text);
  return h("header", { class: "top" },
    h("a", { class: "brand", href: "#/" }, h("img", { src: "./icon.svg", alt: "", width: 26, height: 26 }), h("span", {}, t("app.name"))),
    h("nav", { "aria-label": t("nav.label") }, link("#/", t("nav.overview"), path === "/" || path.startsWith("/enter") || path.startsWith("/meter") || path === "/quality"), link("#/alerts", t("nav.alerts"), path.startsWith("/alerts") || path === "/notices"), link("#/gaps", t("nav.gaps"), path === "/gaps"), link("#/rules", t("nav.rules"), path.startsWith("/rules")), link("#/instruments", t("nav.instruments"), path === "/instruments"), link("#/reviews", t("nav.reviews"), path === "/reviews")),
    h("div", { class: "right" }, liveBadge(), languages(), h("span", { class: "who", title: t(`role.${who.role}`) }, who.name), h("button", { class: "button quiet", type: "button", onclick: signOut }, t("nav.signout"))));
}

function liveBadge() {
  const place = h("span", { class: "live", role: "status" });
  const show = (state) => {
    place.dataset.state = state;
    fill(place, h("span", { class: "dot", "aria-hidden": "true" }, state === "live" ? "●" : "○"), h("span", {}, t(`live.${state}`)));
  };
  show(live.state);
  live.on("state", show, page.signal);
  return place;
}

function languages() {
  return h("div", { class: "segments small", role: "group", "aria-label": t("nav.language") },
    Object.entries(LANGUAGES).map(([code, name]) =>
      h("button", { type: "button", lang: code, "aria-pressed": String(code === language), dataset: { language: code }, onclick: () => choose(code) }, name)));
}

async function choose(code) {
  remember(code);
  await speak(code);
  route();
}

function showSignIn(problem) {
  document.title = t("signin.title");
  fill(app, signIn({ languages: languages(), problem, enter }));
}

/** Sign in with a key; throws the Problem where it is not taken. */
async function enter(key) {
  await send("POST", "/v1/session", { key });
  await begin();
}

async function begin() {
  who = await get("/v1/session");
  session.who = who;
  await learn();
  live.start();
  if (location.hash === target) route();
  else location.hash = target; // routes by its event
}

function leave() {
  if (!who) return;
  who = null;
  live.stop();
  target = location.hash || "#/";
  route();
}

async function signOut() {
  await send("DELETE", "/v1/session").catch(() => null);
  leave();
  target = "#/";
}

/** The key that an address like `…/#key=…` brings; it is removed from the address bar at once. */
function keyFromAddress() {
  const key = new URLSearchParams(location.hash.slice(1)).get("key");
  if (key) history.replaceState(null, "", location.pathname);
  return key;
}

async function start() {
  const key = keyFromAddress();
  await speak(language);
  target = location.hash.startsWith("#/") ? location.hash : "#/";
  try {
    await (key ? enter(key) : begin());
  } catch (error) {
    if (error.status === undefined) throw error;
    showSignIn(error.status === 401 && !key ? undefined : error);
  }
}

addEventListener("hashchange", async () => {
  const key = keyFromAddress();
  if (key) return enter(key).catch(showSignIn);
  route();
});
session.addEventListener("signed-out", leave);
every(1000, tick, new AbortController().signal);
start();
