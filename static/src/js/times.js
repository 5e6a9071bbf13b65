// Times as people say them ("3 minutes ago"), kept current; the exact time in the reader's zone is in the title.
import { language } from "./words.js";

const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
const exact = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });
const STEPS = [["year", 31_536_000], ["month", 2_592_000], ["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]];

function sayAgo(moment) {
  const seconds = (moment - Date.now()) / 1000;
  const [unit, size] = STEPS.find(([, size]) => Math.abs(seconds) >= size) ?? STEPS.at(-1);
  return relative.format(Math.trunc(seconds / size), unit);
}

function sayLasting(from, to) {
  let rest = Math.max(0, Math.round((to - from) / 1000));
  const parts = [];
  for (const [unit, size] of [["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]]) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0 && parts.length < 2) parts.push(new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "narrow" }).format(count));
  }
  return parts.join(" ") || new Intl.NumberFormat(language, { style: "unit", unit: "second", unitDisplay: "narrow" }).format(0);
}

function showTime(element) {
  const moment = new Date(element.dateTime);
  if (Number.isNaN(moment.valueOf())) return;
  const isLasting = element.dataset.time === "since";
  const text = isLasting ? sayLasting(moment, Date.now()) : element.dataset.time === "exact" ? exact.format(moment) : sayAgo(moment);
  if (element.textContent !== text) element.textContent = text;
  element.title = exact.format(moment);
}

function showAll() {
  document.querySelectorAll("time[data-time]").forEach(showTime);
}

showAll();
setInterval(showAll, 1000);
document.addEventListener("htmx:afterSwap", showAll);
document.addEventListener("htmx:oobAfterSwap", showAll);
