// Words in the chosen language: the console's own from lang/*.json, carriers, quantities and rules from the API.

import { get } from "./api.js";

export const LANGUAGES = { zh: "中文", en: "English" };
const REMEMBERED = "wanjia.language";

let words = {};
let carriers = new Map();
let quantities = new Map();
let rules = new Map();

export let language = initial();

function initial() {
  const chosen = localStorage.getItem(REMEMBERED);
  if (chosen in LANGUAGES) return chosen;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

export async function speak(chosen) {
  words = await (await fetch(new URL(`./lang/${chosen}.json`, import.meta.url))).json();
  language = chosen;
  document.documentElement.lang = chosen === "zh" ? "zh-CN" : "en";
}

export function remember(chosen) {
  localStorage.setItem(REMEMBERED, chosen);
}

/** The text of `key`, its {gaps} filled. */
export function t(key, gaps = {}) {
  return (words[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => gaps[name] ?? "");
}

/** The text of `key`, or `otherwise` where the dictionary has none (a rule added later, say). */
export function tOr(key, otherwise) {
  return words[key] ?? otherwise;
}

export async function learn() {
  const [carrier, quantity, rule] = await Promise.all([get("/v1/carriers"), get("/v1/quantities"), get("/v1/rules")]);
  carriers = new Map(carrier.items.map((item) => [item.code, item]));
  quantities = new Map(quantity.items.map((item) => [item.name, item]));
  rules = new Map(rule.items.map((item) => [item.name, item]));
}

export const carrierName = (code) => carriers.get(code)?.[language] ?? code;
export const carrierCodes = () => [...carriers.keys()];
export const ruleText = (name) => rules.get(name)?.[language] ?? name;
export const quantityName = (name) => quantities.get(name)?.[language] ?? name;
export const quantityUnit = (name) => quantities.get(name)?.unit ?? "";
/** The instantaneous quantity shown beside a carrier's consumption. */
export const flowOf = (carrier) => carriers.get(carrier)?.flow;
/** Whether a quantity is the instantaneous one of some carrier. */
export const isFlow = (quantity) => [...carriers.values()].some(({ flow }) => flow === quantity);
/** An industry by its code in GB/T 4754: the name of its division. */
export const industryName = (code) => tOr(`industry.${code.slice(0, 3)}`, code);
/** The text of an item that carries both languages. */
export const inLanguage = (item) => item[language] || item.zh || item.en || "";
